namespace Evose.Admin.Domain.Workspaces;

/// <summary>Pure: an organization always keeps somebody who can run it.</summary>
public static class LastAdminPolicy
{
    public const string Sentence = "This is the last organization admin who can sign in. Make somebody else an organization admin first.";

    /// <summary>True when <paramref name="userId"/> must stay an organization admin, because no other is left.</summary>
    /// <param name="enabledAdmins">Organization admins that are not disabled.</param>
    public static bool MustStay(Guid userId, IReadOnlyCollection<Guid> enabledAdmins) => enabledAdmins.Contains(userId) && enabledAdmins.Count == 1;
}

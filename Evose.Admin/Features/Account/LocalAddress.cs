namespace Evose.Admin.Features.Account;

/// <summary>Where to go after sign-in: only ever an address of this app.</summary>
public static class LocalAddress
{
    /// <summary>The address when it is a path of this app, otherwise the start page.</summary>
    public static string Of(string? address) => IsLocal(address) ? address! : UI.Urls.Home;

    // "//host" and "/\host" are other hosts to a browser, which also drops tabs and line breaks before it reads.
    private static bool IsLocal(string? address) =>
        address is { Length: > 0 and <= 2000 } && address[0] == '/'
        && (address.Length == 1 || address[1] is not ('/' or '\\'))
        && !address.Any(c => char.IsControl(c) || c == '\\');
}

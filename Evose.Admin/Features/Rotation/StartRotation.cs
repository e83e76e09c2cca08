using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Providers;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>Opens a rotation: seals the new value as the pending version. No call uses it before the swap.</summary>
public sealed class StartRotation(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, StagedValues staged, ProviderCatalog providers, TimeProvider clock)
{
    public const int MaxReason = 400;

    /// <param name="Fields">The new values by field; what is not named is carried over from the active version. The caller disposes them.</param>
    /// <param name="Staged">Ids of the values that a page's form sent to the intake, by field.</param>
    /// <param name="ExpiresAt">ISO 8601: when the new value ends. A key's date goes with the value, so from the swap on it is this one, or none is known.</param>
    /// <param name="SkipVerify">A person answers for going live without a check.</param>
    public sealed record Input(IReadOnlyDictionary<string, Plaintext>? Fields, IReadOnlyDictionary<string, Guid>? Staged = null, bool SkipVerify = false, string? SkipVerifyReason = null, string? ExpiresAt = null);

    /// <param name="Warning">Something to look at that does not stand in the way.</param>
    public sealed record Started(Guid RotationId, int Version, string? Warning);

    public async Task<Outcome<Started>> ExecuteAsync(Actor actor, string ws, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        if (FreeText.Refuse(input.SkipVerifyReason, MaxReason, multiline: true) is { } why) return Problem.Invalid("skip_verify_reason", why);
        if (!input.SkipVerify && !string.IsNullOrWhiteSpace(input.SkipVerifyReason)) return Problem.Invalid("skip_verify_reason", "A reason is for going live without a check: send skip_verify true with it, or leave it out.");
        if (ExpiryPolicy.ParseDate(string.IsNullOrWhiteSpace(input.ExpiresAt) ? null : input.ExpiresAt, clock.GetUtcNow()).Failed(out var badDate, out var expiresAt)) return badDate;

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if ((await RotationCase.LoadAsync(db, workspace.Id, name, null, ct)).Failed(out var problem, out var found)) return problem;
        if (RotationPolicy.CanStart(found.Facts) is not RotationAnswer.Allowed and var answer) return found.Illegal(answer);
        if (found.Open is not null) return found.Illegal(RotationAnswer.PendingExists);

        var credential = found.Credential;
        if (expiresAt is not null && credential.Type is not (CredentialType.ApiKey or CredentialType.Custom)) return Problem.Invalid("expires_at", "Sessions and tokens say themselves when they end.");
        using var values = new Values();
        if (await values.CollectAsync(db, actor, staged, input, ct) is { } missing) return missing;
        foreach (var (field, value) in values.Given)
            if (RefuseField(credential, field, value) is { } bad) return bad;
        var now = clock.GetUtcNow();
        values.CarryOver(vault, credential);
        if (ValueShape.Of(credential.Type, values.All, now, credential.Injection).Failed(out var badValue, out var shaped)) return badValue;
        using var made = shaped;
        // Of the value as it is kept: a session is the same however it was copied.
        // With a main field the others may change without it.
        var fingerprints = values.Given.ContainsKey(Credential.MainField) || !made!.Fields.ContainsKey(Credential.MainField) ? Fingerprints(made!.Identity) : [];
        if (RefuseSame(credential, fingerprints) is { } same) return same;
        var number = credential.NextVersionNumber;
        var sealedValue = vault.Seal(new SecretAddress(workspace.Id, credential.Id, number), made!.Fields);
        var version = credential.AddVersion(Guid.CreateVersion7(now), sealedValue, vault.Fingerprint(made.Identity), actor.Name, now);
        (version.PlainFields, version.ExpiresAt) = (made.Plain, expiresAt ?? made.ExpiresAt);
        var rotation = Domain.Credentials.Rotation.Start(Guid.CreateVersion7(now), credential, number, actor.Name, now);
        if (input.SkipVerify) rotation.SkipVerification(string.IsNullOrWhiteSpace(input.SkipVerifyReason) ? "No reason given." : input.SkipVerifyReason.Trim());
        db.CredentialVersions.Add(version);
        db.Rotations.Add(rotation);
        AuditTrail.Append(db, now, actor, AuditAction.RotationStarted, AuditSubject.Credential(credential),
            $"Version {number} entered{(input.SkipVerify ? "; it may go live without a check: " + rotation.SkipVerifyReason : "")}.");
        List<string> warnings = [.. await WarnAsync(db, credential, fingerprints, ct) is { } alike ? [alike] : Array.Empty<string>(), .. FormAdvice.Of(await providers.FindAsync(db, credential.Provider, ct), values.Given, credential.Name)];
        await write.CommitAsync(ct);
        return new Started(rotation.Id, number, warnings.Count == 0 ? null : string.Join(' ', warnings));
    }

    private static Problem? RefuseField(Credential credential, string field, Plaintext value)
    {
        if (!Placeholder.IsField(field)) return Problem.Invalid("fields", "A field's name is 1 to 32 lower-case letters, digits or '_', starting with a letter.");
        // Only a custom credential has fields of its own making; elsewhere a new name is a slip that no template would find.
        var known = credential.Active?.Fields.Exists(f => f.Name == field) ?? true;
        if (credential.Type != CredentialType.Custom && field != Credential.MainField && !known) return Problem.Invalid($"fields.{field}", "This credential has no such field. Name it as the version in use does.");
        return ValueRules.Refuse(credential.Type, $"fields.{field}", value.Bytes);
    }

    // A version that never stayed live does not count: a value that was rolled back or discarded may be right once the provider is.
    private static Problem? RefuseSame(Credential credential, IReadOnlyList<string> fingerprints)
    {
        var twin = credential.Versions.Find(v => v.State != VersionState.Discarded && fingerprints.Contains(v.Fingerprint));
        if (twin is null) return null;
        return Problem.Invalid(credential.Injection.Fields.Count > 1 ? "fields" : $"fields.{Credential.MainField}", twin.State == VersionState.Active
            ? "This is the value that is in use already. Make a new key at the provider and enter that."
            : $"This is the value of version {twin.Number}, which was replaced. Make a new key at the provider and enter that.");
    }

    // A version keeps the fingerprint of the master key of its time.
    private List<string> Fingerprints(Plaintext value) => [.. Enumerable.Range(1, vault.NewestGeneration).Select(g => vault.Fingerprint(value, g))];

    private static async Task<string?> WarnAsync(AdminDb db, Credential credential, List<string> fingerprints, CancellationToken ct)
    {
        if (fingerprints.Count == 0) return null;
        var other = await db.Credentials.AsNoTracking()
            .Where(c => c.WorkspaceId == credential.WorkspaceId && c.Id != credential.Id && c.ArchivedAt == null && c.Versions.Any(v => v.WrappedKey != null && fingerprints.Contains(v.Fingerprint)))
            .OrderBy(c => c.Name).Select(c => c.Name).FirstOrDefaultAsync(ct);
        return other is null ? null : $"The credential '{other}' holds the same value. Give each its own, so that one can be replaced without the other.";
    }

    /// <summary>The values on their way into a version; what was made here is zeroed here.</summary>
    private sealed class Values : IDisposable
    {
        private readonly List<Plaintext> _mine = [];

        public Dictionary<string, Plaintext> Given { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, Plaintext> All { get; } = new(StringComparer.Ordinal);

        public async Task<Problem?> CollectAsync(AdminDb db, Actor actor, StagedValues staged, Input input, CancellationToken ct)
        {
            foreach (var (field, value) in input.Fields ?? new Dictionary<string, Plaintext>()) Given[field] = value;
            var taken = await staged.TakeAllAsync(db, actor, input.Staged, ct);
            _mine.AddRange(taken.Values.Values);
            if (taken.Missing is { } missing) return Problem.Invalid($"fields.{missing}", "The value is not there any more. Enter it again.");
            foreach (var (field, value) in taken.Values) Given[field] = value;
            return Given.Count == 0 ? Problem.Invalid("fields", "Give the new value in fields.value.") : Given.Count > ValueShape.MaxFields ? Problem.Invalid("fields", $"A credential has at most {ValueShape.MaxFields} fields.") : null;
        }

        public void CarryOver(SecretVault vault, Credential credential)
        {
            foreach (var (field, value) in Given) All[field] = value;
            if (credential.Active is not { Value: { } old } active) return;
            foreach (var field in old.Fields.Keys.Where(f => !All.ContainsKey(f)))
            {
                var value = vault.Open(new SecretAddress(credential.WorkspaceId, credential.Id, active.Number), old, field);
                _mine.Add(value);
                All[field] = value;
            }
        }

        public void Dispose()
        {
            foreach (var value in _mine) value.Dispose();
        }
    }
}

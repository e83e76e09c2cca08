using System.Security.Cryptography;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Intake;

/// <summary>
/// The way of a typed value: the page asks for a ticket, the browser posts the raw bytes with it, they are sealed at once and wait here for the page's form, which knows only the ticket's id.
/// A ticket works once, for the person it was made for, for 15 minutes.
/// </summary>
public sealed class StagedValues(IDbContextFactory<AdminDb> dbs, SecretVault vault, IDataProtectionProvider protection, TimeProvider clock)
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(15);

    private readonly ITimeLimitedDataProtector _tickets = protection.CreateProtector("evose/intake-ticket/1").ToTimeLimitedDataProtector();

    /// <summary>A ticket for one value, and the id by which the form will name the value.</summary>
    public (Guid Id, string Ticket) Issue(Actor actor)
    {
        var id = Guid.CreateVersion7(clock.GetUtcNow());
        return (id, _tickets.Protect($"{actor.Id:N}:{id:N}", clock.GetUtcNow() + Lifetime));
    }

    /// <summary>Seals and keeps the value. The given value is zeroed.</summary>
    public async Task<Outcome<Guid>> StageAsync(Actor actor, string? ticket, Plaintext value, CancellationToken ct)
    {
        using var trimmed = ValueRules.Trimmed(value);
        if (Read(actor, ticket) is not { } id) return Problem.Forbidden("ticket", "This form has expired. Reload the page and enter the value again.");
        if (trimmed.Length == 0) return Problem.Invalid("value", "Enter a value.");
        if (trimmed.Length > ValueRules.MaxBytes) return Problem.Invalid("value", "The value is too large: at most 64 KiB.");

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if (await db.StagedValues.AnyAsync(s => s.Id == id, ct)) return Problem.Conflict("This form was already used. Reload the page and enter the value again.");
        var now = clock.GetUtcNow();
        db.StagedValues.Add(new StagedValue { Id = id, UserId = actor.Id, Sealed = vault.SealBlob("staged", id.ToByteArray(true), trimmed.Bytes), ExpiresAt = now + Lifetime });
        AuditTrail.Append(db, now, actor, AuditAction.ValueStaged, new AuditSubject(null, null, id));
        await write.CommitAsync(ct);
        return id;
    }

    /// <summary>Takes the value out, inside the caller's write transaction: it is gone when that commits. Null when there is none for this person.</summary>
    public async Task<Plaintext?> TakeAsync(AdminDb db, Actor actor, Guid id, CancellationToken ct)
    {
        var row = await db.StagedValues.SingleOrDefaultAsync(s => s.Id == id && s.UserId == actor.Id, ct);
        if (row is null || row.ExpiresAt <= clock.GetUtcNow()) return null;
        db.StagedValues.Remove(row);
        return vault.OpenBlob("staged", id.ToByteArray(true), row.Sealed);
    }

    /// <summary>Takes several values out, by field; the first that is not there any more is named as missing.</summary>
    public async Task<TakenValues> TakeAllAsync(AdminDb db, Actor actor, IReadOnlyDictionary<string, Guid>? ids, CancellationToken ct)
    {
        var values = new Dictionary<string, Plaintext>(StringComparer.Ordinal);
        foreach (var (field, id) in ids ?? new Dictionary<string, Guid>())
        {
            if (await TakeAsync(db, actor, id, ct) is not { } value) return new TakenValues(values, field);
            values[field] = value;
        }
        return new TakenValues(values, null);
    }

    /// <summary>Opens values and leaves them staged; the first that is not there any more is named as missing.</summary>
    public async Task<TakenValues> LookAllAsync(AdminDb db, Actor actor, IReadOnlyDictionary<string, Guid> ids, CancellationToken ct)
    {
        var values = new Dictionary<string, Plaintext>(StringComparer.Ordinal);
        var now = clock.GetUtcNow();
        foreach (var (field, id) in ids)
        {
            var row = await db.StagedValues.AsNoTracking().SingleOrDefaultAsync(s => s.Id == id && s.UserId == actor.Id, ct);
            if (row is null || row.ExpiresAt <= now) return new TakenValues(values, field);
            values[field] = vault.OpenBlob("staged", id.ToByteArray(true), row.Sealed);
        }
        return new TakenValues(values, null);
    }

    private Guid? Read(Actor actor, string? ticket)
    {
        try
        {
            var parts = _tickets.Unprotect(ticket ?? "").Split(':');
            return parts[0] == actor.Id.ToString("N") ? Guid.ParseExact(parts[1], "N") : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}

/// <summary>Values taken out of the intake, by field. Disposing zeroes them.</summary>
/// <param name="Missing">The field whose value was not there any more; null when all were.</param>
public sealed record TakenValues(IReadOnlyDictionary<string, Plaintext> Values, string? Missing) : IDisposable
{
    public void Dispose()
    {
        foreach (var value in Values.Values) value.Dispose();
    }
}

namespace Evose.Admin.Domain.Providers;

/// <summary>A record that the organization wrote itself; it stands before a built-in one of the same id.</summary>
public sealed class OwnProvider
{
    private OwnProvider() { }

    public OwnProvider(Guid id, string slug) => (Id, Slug) = (id, slug);

    public Guid Id { get; private set; }

    /// <summary>The record's id.</summary>
    public string Slug { get; private set; } = "";

    /// <summary>The record as JSON.</summary>
    public string Record { get; private set; } = "";

    /// <summary>Grows by one with every change; the newest must also stand in the audit trail.</summary>
    public int Revision { get; private set; }

    /// <summary>Keyed MAC over the record: it says where a value is sent to be checked, so a row changed behind the app's back is not obeyed.</summary>
    public byte[] Mac { get; private set; } = [];

    public DateTimeOffset ChangedAt { get; private set; }

    public string ChangedBy { get; private set; } = "";

    public void Change(string record, int revision, string by, DateTimeOffset now, Func<OwnProvider, byte[]> seal)
    {
        (Record, Revision, ChangedBy, ChangedAt) = (record, revision, by, now);
        Mac = seal(this);
    }
}

using System.Xml.Linq;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Npgsql;

namespace Evose.Admin.Platform.Identity;

/// <summary>
/// The keys that protect cookies, in the database: a cookie of one node is a cookie of every node. The whole row is sealed beside the key in it, so that who can write
/// to the database cannot add a key.
/// </summary>
internal sealed partial class SharedKeyRing(Postgres postgres, SecretVault vault, TimeProvider clock, ILogger<SharedKeyRing> log) : IXmlRepository
{
    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var connection = postgres.OpenOwn();
        using var command = new NpgsqlCommand("SELECT id, sealed FROM key_ring_entry ORDER BY id", connection);
        using var reader = command.ExecuteReader();
        var keys = new List<XElement>();
        while (reader.Read())
        {
            var id = new Guid(reader.GetFieldValue<byte[]>(0), bigEndian: true);
            try
            {
                keys.Add(KeyRingSeal.Open(vault, id, reader.GetFieldValue<byte[]>(1)));
            }
            catch (IntegrityException)
            {
                LogForeign(id);
            }
        }
        return keys;
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        var id = Guid.CreateVersion7(clock.GetUtcNow());
        using var connection = postgres.OpenOwn();
        using var command = new NpgsqlCommand("INSERT INTO key_ring_entry (id, sealed) VALUES ($1, $2)", connection) { Parameters = { new() { Value = id.ToByteArray(true) }, new() { Value = KeyRingSeal.Seal(vault, id, element) } } };
        command.ExecuteNonQuery();
    }

    [LoggerMessage(LogLevel.Error, "The cookie key {Id} in the database is not one of ours; it is not used")]
    private partial void LogForeign(Guid id);
}

using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Evose.Admin.Platform.Data;

/// <summary>Instants as UTC ticks: both engines sort them alike.</summary>
internal sealed class InstantConverter() : ValueConverter<DateTimeOffset, long>(i => i.UtcTicks, t => new DateTimeOffset(t, TimeSpan.Zero));

/// <summary>Ids as 16 bytes in reading order, so that time-ordered ids are stored in time order.</summary>
internal sealed class BigEndianGuidConverter() : ValueConverter<Guid, byte[]>(g => g.ToByteArray(true), b => new Guid(b, true));

/// <summary>Table and column names in snake_case, the same on every engine and in hand-written SQL.</summary>
internal static class SnakeCase
{
    public static void Apply(ModelBuilder builder)
    {
        foreach (var entity in builder.Model.GetEntityTypes())
        {
            entity.SetTableName(Of(entity.ClrType.Name));
            foreach (var property in entity.GetProperties()) property.SetColumnName(Of(property.Name));
            foreach (var index in entity.GetIndexes())
                index.SetDatabaseName($"ix_{entity.GetTableName()}_{string.Join('_', index.Properties.Select(p => Of(p.Name)))}");
        }
    }

    internal static string Of(string name)
    {
        var text = new StringBuilder(name.Length + 8);
        foreach (var c in name.Split('`')[0])
        {
            if (char.IsUpper(c) && text.Length > 0) text.Append('_');
            text.Append(char.ToLowerInvariant(c));
        }
        return text.ToString();
    }
}

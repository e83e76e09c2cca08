using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Brokering;

/// <summary>The values of one call, opened after the use was recorded and zeroed when the call is over.</summary>
public sealed class OpenedValues : IDisposable
{
    private readonly IReadOnlyList<(string Name, string Field)> _names;
    private readonly Plaintext?[] _values;

    private OpenedValues(IReadOnlyList<(string Name, string Field)> names) => (_names, _values) = (names, names.Count == 0 ? [] : new Plaintext?[names.Count]);

    /// <summary>Opens every value that the tool's templates name.</summary>
    /// <exception cref="IntegrityException">The stored bytes are not what the app wrote for this very place.</exception>
    /// <exception cref="KeyNotFoundException">A template names a field that the version does not have.</exception>
    public static OpenedValues Open(SecretVault vault, ToolRequest request, IReadOnlyList<ChosenVersion> chosen)
    {
        var opened = new OpenedValues(request.Values);
        try
        {
            for (var i = 0; i < opened._values.Length; i++)
            {
                var (name, field) = request.Values[i];
                foreach (var c in chosen)
                {
                    if (c.Name != name) continue;
                    if (!c.Value.Fields.ContainsKey(field)) throw new KeyNotFoundException("the version has no such field");
                    opened._values[i] = vault.Open(new SecretAddress(c.WorkspaceId, c.CredentialId, c.Version), c.Value, field);
                    break;
                }
            }
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>The template with its values; one string, as the HTTP stack needs it.</summary>
    public string Render(SecretTemplate template, TemplateSlot slot) => template.Render(this, slot, static (values, p) => values.BytesOf(p));

    private ReadOnlySpan<byte> BytesOf(Placeholder p) => (Find(p.Name, p.Field ?? Credential.MainField) ?? throw new KeyNotFoundException("the value was not opened")).Bytes;

    private Plaintext? Find(string name, string field)
    {
        for (var i = 0; i < _values.Length; i++)
            if (_names[i].Name == name && _names[i].Field == field) return _values[i];
        return null;
    }

    public void Dispose()
    {
        foreach (ref var value in _values.AsSpan())
        {
            value?.Dispose();
            value = null;
        }
    }
}

/// <summary>The version of a credential that a call uses, with its sealed bytes.</summary>
/// <param name="Rules">The credential as the catalogue has it: type and rules of travel.</param>
public readonly record struct ChosenVersion(Guid WorkspaceId, Guid CredentialId, string Name, int Version, SealedValue Value, CatalogCredential Rules);

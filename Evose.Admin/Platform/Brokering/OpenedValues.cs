using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Brokering;

/// <summary>The values of one call, opened after the use was recorded and zeroed when the call is over.</summary>
public sealed class OpenedValues : IDisposable
{
    private readonly List<(string Name, string Field, Plaintext Value)> _values = [];

    /// <summary>Opens every value that the tool's templates name.</summary>
    /// <exception cref="IntegrityException">The stored bytes are not what the app wrote for this very place.</exception>
    /// <exception cref="KeyNotFoundException">A template names a field that the version does not have.</exception>
    public static OpenedValues Open(SecretVault vault, ToolRequest request, IReadOnlyList<ChosenVersion> chosen)
    {
        var opened = new OpenedValues();
        try
        {
            foreach (var (_, template) in request.Headers) opened.Open(vault, template, chosen);
            foreach (var (_, template) in request.Query) opened.Open(vault, template, chosen);
            if (request.Body is not null) opened.Open(vault, request.Body, chosen);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    private void Open(SecretVault vault, SecretTemplate template, IReadOnlyList<ChosenVersion> chosen)
    {
        foreach (var p in template.Placeholders)
        {
            var field = p.Field ?? Credential.MainField;
            if (Find(p.Name, field) is not null) continue;
            foreach (var c in chosen)
            {
                if (c.Name != p.Name) continue;
                if (!c.Value.Fields.ContainsKey(field)) throw new KeyNotFoundException("the version has no such field");
                _values.Add((p.Name, field, vault.Open(new SecretAddress(c.WorkspaceId, c.CredentialId, c.Version), c.Value, field)));
            }
        }
    }

    /// <summary>The template with its values; one string, as the HTTP stack needs it.</summary>
    public string Render(SecretTemplate template, TemplateSlot slot) => template.Render(this, slot, static (values, p) => values.BytesOf(p));

    private ReadOnlySpan<byte> BytesOf(Placeholder p) => (Find(p.Name, p.Field ?? Credential.MainField) ?? throw new KeyNotFoundException("the value was not opened")).Bytes;

    private Plaintext? Find(string name, string field)
    {
        foreach (var v in _values)
            if (v.Name == name && v.Field == field) return v.Value;
        return null;
    }

    public void Dispose()
    {
        foreach (var v in _values) v.Value.Dispose();
        _values.Clear();
    }
}

/// <summary>The version of a credential that a call uses, with its sealed bytes.</summary>
public readonly record struct ChosenVersion(Guid WorkspaceId, Guid CredentialId, string Name, int Version, SealedValue Value);

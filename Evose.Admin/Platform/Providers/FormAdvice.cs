using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Providers;

/// <summary>What the forms of given values say, as sentences for a person; the characters are wiped after the look.</summary>
public static class FormAdvice
{
    public static IReadOnlyList<string> Of(ProviderRecord? provider, IReadOnlyDictionary<string, Plaintext> values, string credential)
    {
        if (provider is null) return [];
        var environment = CredentialName.Environment(credential);
        var said = new List<string>();
        foreach (var input in provider.Inputs)
        {
            if (!values.TryGetValue(input.Name, out var value) || value.Length > 16 * 1024) continue;
            var room = GC.AllocateArray<char>(value.Length, pinned: true);
            try
            {
                var length = value.GetChars(room);
                said.AddRange(ValueAdvice.Of(provider, input, room.AsMemory(0, length), environment));
            }
            catch (InvalidOperationException)
            {
                said.Add($"The value of {input.Name} is not text.");
            }
            finally
            {
                CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(room.AsSpan()));
            }
        }
        return said;
    }
}

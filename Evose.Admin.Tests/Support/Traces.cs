using System.Text;

namespace Evose.Admin.Tests.Support;

/// <summary>All the shapes in which a secret could be lying about: finds the value itself, encoded, reversed, and the part of it that no escaping changes.</summary>
public sealed class Traces
{
    private readonly List<(string Shape, byte[] Bytes)> _shapes = [];

    /// <param name="value">What must not be found.</param>
    /// <param name="core">A part of it, letters and digits only, that occurs nowhere else.</param>
    public Traces(string value, string core)
    {
        Assert.Contains(core, value, StringComparison.Ordinal);
        Assert.All(core, c => Assert.True(char.IsAsciiLetterOrDigit(c)));
        foreach (var (name, text) in new[] { ("value", value), ("core", core) })
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            Add(name, text);
            Add(name + " reversed", new string([.. text.Reverse()]));
            Add(name + " in hex", Convert.ToHexString(bytes));
            Add(name + " in lower hex", Convert.ToHexStringLower(bytes));
            Add(name + " as numbers", string.Join(',', bytes));
            _shapes.Add((name + " in UTF-16", Encoding.Unicode.GetBytes(text)));
            for (var shift = 0; shift < 3; shift++)
            {
                // Characters that also hold bits of the neighbours are cut off.
                var whole = Convert.ToBase64String([.. new byte[shift], .. bytes]).TrimEnd('=');
                var inner = whole[(shift == 0 ? 0 : shift + 1)..((shift + bytes.Length) / 3 * 4)];
                Add($"{name} in base64, shifted by {shift}", inner);
                Add($"{name} in base64url, shifted by {shift}", inner.Replace('+', '-').Replace('/', '_'));
            }
        }
        Add("value URL-encoded", Uri.EscapeDataString(value));
        Add("value form-encoded", System.Net.WebUtility.UrlEncode(value));
        Add("value HTML-encoded", System.Net.WebUtility.HtmlEncode(value));
        Add("value JSON-escaped", System.Text.Json.JsonSerializer.Serialize(value).Trim('"'));
        Add("value JSON-escaped by a browser", value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal));
    }

    public IReadOnlyCollection<string> Shapes => [.. _shapes.Select(s => s.Shape)];

    /// <summary>Names of the shapes that occur in it.</summary>
    public IEnumerable<string> In(ReadOnlyMemory<byte> bytes) => _shapes.Where(s => bytes.Span.IndexOf(s.Bytes) >= 0).Select(s => s.Shape);

    private void Add(string shape, string text) => _shapes.Add((shape, Encoding.UTF8.GetBytes(text)));
}

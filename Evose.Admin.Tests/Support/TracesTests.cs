using System.Net;
using System.Text;

namespace Evose.Admin.Tests.Support;

/// <summary>A search that finds nothing proves nothing unless it would have found something.</summary>
public sealed class TracesTests
{
    private const string Value = "sk-\"\\/+%&<Core0123456789abc>";
    private static readonly Traces Of = new(Value, "Core0123456789abc");

    public static TheoryData<string, byte[]> Planted => new()
    {
        { "raw", Encoding.UTF8.GetBytes($"x{Value}y") },
        { "reversed", Encoding.UTF8.GetBytes("x" + new string([.. Value.Reverse()])) },
        { "base64", Base64(Value) },
        { "base64 after one byte", Base64("a" + Value + "zz") },
        { "base64 after two bytes", Base64("ab" + Value + "z") },
        { "hex", Encoding.UTF8.GetBytes("00" + Convert.ToHexString(Encoding.UTF8.GetBytes(Value))) },
        { "lower hex", Encoding.UTF8.GetBytes(Convert.ToHexStringLower(Encoding.UTF8.GetBytes(Value))) },
        { "URL", Encoding.UTF8.GetBytes("?q=" + Uri.EscapeDataString(Value)) },
        { "HTML", Encoding.UTF8.GetBytes($"<p>{WebUtility.HtmlEncode(Value)}</p>") },
        { "JSON", Encoding.UTF8.GetBytes(System.Text.Json.JsonSerializer.Serialize(new { Value })) },
        { "bytes as JSON", Encoding.UTF8.GetBytes($"[{string.Join(',', Encoding.UTF8.GetBytes(Value))}]") },
        { "UTF-16", Encoding.Unicode.GetBytes(Value) },
    };

    [Theory]
    [MemberData(nameof(Planted))]
    public void Finds_a_value_in_every_shape(string shape, byte[] bytes) => Assert.True(Of.In(bytes).Any(), shape);

    [Fact]
    public void Finds_nothing_where_there_is_nothing() => Assert.Empty(Of.In(Encoding.UTF8.GetBytes("sk-another value, Core, 0123456789")));

    private static byte[] Base64(string text) => Encoding.UTF8.GetBytes(Convert.ToBase64String(Encoding.UTF8.GetBytes(text)));
}

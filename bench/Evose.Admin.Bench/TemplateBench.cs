using System.Text;
using BenchmarkDotNet.Attributes;
using Evose.Admin.Domain.Templates;

namespace Evose.Admin.Bench;

/// <summary>What putting a value into a tool's template costs, beside the plainest way to join the same texts.</summary>
public class TemplateBench
{
    private const string HeaderText = "Bearer {{credential:openai_prod}}";
    private const string BodyText = "{\"model\":\"m\",\"key\":\"{{credential:openai_prod}}\",\"other\":\"{{credential:crm_prod}}\"}";

    private readonly byte[] _value = Encoding.ASCII.GetBytes(new string('k', 64));
    private readonly char[] _buffer = new char[512];
    private readonly SecretTemplate _header, _body;

    public TemplateBench()
    {
        if (!SecretTemplate.TryParse(HeaderText, out var header, out _) || !SecretTemplate.TryParse(BodyText, out var body, out _)) throw new InvalidOperationException("the templates do not parse");
        (_header, _body) = (header, body);
    }

    [Benchmark]
    public bool Parse() => SecretTemplate.TryParse(HeaderText, out _, out _);

    [Benchmark]
    public int Header() => _header.Render(_buffer, _value, TemplateSlot.Header, static (v, _) => v);

    [Benchmark]
    public int JsonBody() => _body.Render(_buffer, _value, TemplateSlot.JsonBody, static (v, _) => v);

    [Benchmark]
    public string Joined() => string.Concat("Bearer ", Encoding.UTF8.GetString(_value));

    internal static PartResult Run(Options options)
    {
        var f = Micro.Run<TemplateBench>();
        string[] Row(string what, string name) => [what, Micro.Micros(f[name]), Micro.Times(f[name], f[nameof(Joined)]), $"{f[name].Bytes} B"];
        return options.Result("template",
        [
            new Table("A value of 64 bytes into a template, in memory that is wiped afterwards.", ["", "median", "of joining two strings", "allocated"],
                [Row("header, one placeholder", nameof(Header)), Row("JSON body, two placeholders, escaped", nameof(JsonBody)), Row("parse, once per change of the tool", nameof(Parse)), Row("joining two strings", nameof(Joined))]),
        ], notes: ["No budget of its own: it is a part of the broker's."]);
    }
}

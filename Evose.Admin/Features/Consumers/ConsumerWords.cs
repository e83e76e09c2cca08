using Evose.Admin.Domain.Consumers;
using Evose.Admin.UI;

namespace Evose.Admin.Features.Consumers;

/// <summary>The words and addresses of each kind of consumer.</summary>
public static class ConsumerWords
{
    /// <summary>The singular on the wire and in sentences.</summary>
    public static string Word(this ConsumerKind kind) => kind switch
    {
        ConsumerKind.Tool => "tool",
        ConsumerKind.Agent => "agent",
        ConsumerKind.Workflow => "workflow",
    };

    /// <summary>The singular at the beginning of a sentence.</summary>
    public static string Capital(this ConsumerKind kind) => kind.Title()[..^1];

    public static string Plural(this ConsumerKind kind) => kind.Word() + "s";

    public static string Title(this ConsumerKind kind) => kind switch
    {
        ConsumerKind.Tool => "Tools",
        ConsumerKind.Agent => "Agents",
        ConsumerKind.Workflow => "Workflows",
    };

    /// <summary>Address of the kind's list.</summary>
    public static string ListUrl(this ConsumerKind kind, string ws) => kind switch
    {
        ConsumerKind.Tool => Urls.Tools(ws),
        ConsumerKind.Agent => Urls.Agents(ws),
        ConsumerKind.Workflow => Urls.Workflows(ws),
    };

    /// <summary>Address of one consumer; the name <c>new</c> is the form for another one.</summary>
    public static string Url(this ConsumerKind kind, string ws, string name) => kind switch
    {
        ConsumerKind.Tool => Urls.Tool(ws, name),
        ConsumerKind.Agent => Urls.Agent(ws, name),
        ConsumerKind.Workflow => Urls.Workflow(ws, name),
    };

    /// <summary>Which kind an address of the app, such as <c>w/cs/agents/mail</c>, is about.</summary>
    public static ConsumerKind KindOf(string path) => path.Split('?', '#')[0].Split('/', StringSplitOptions.RemoveEmptyEntries).ElementAtOrDefault(2) switch
    {
        "agents" => ConsumerKind.Agent,
        "workflows" => ConsumerKind.Workflow,
        _ => ConsumerKind.Tool,
    };
}

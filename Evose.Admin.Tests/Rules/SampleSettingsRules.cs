using System.Collections;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace Evose.Admin.Tests.Rules;

/// <summary>appsettings.sample.json is the reference of all settings: it has every one with its default, and none that does not exist.</summary>
public sealed class SampleSettingsRules
{
    // Read without an options class.
    private static readonly string[] Plain = ["Urls", "Evose:DataDirectory", "SECRET_KEY"];

    private static readonly List<Type> Options =
        [.. typeof(Program).Assembly.GetTypes().Where(t => t.GetField("Section", BindingFlags.Public | BindingFlags.Static | BindingFlags.FlattenHierarchy) is { IsLiteral: true })];

    [Fact]
    public void Has_every_setting_with_its_default_and_no_other()
    {
        var expected = Options.SelectMany(Defaults).ToDictionary(s => s.Key, s => s.Value, StringComparer.Ordinal);
        foreach (var key in Plain) expected.TryAdd(key, null);
        var given = new Dictionary<string, string?>(StringComparer.Ordinal);
        Flatten("", JsonDocument.Parse(File.ReadAllText(SamplePath()), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip }).RootElement, given);

        Assert.Empty(expected.Keys.Except(given.Keys).Select(k => k + " is missing from the sample"));
        Assert.Empty(given.Keys.Except(expected.Keys).Select(k => k + " is in the sample and not in the app"));
        Assert.Empty(expected.Where(e => !Plain.Contains(e.Key) && given[e.Key] != e.Value).Select(e => $"{e.Key} is {given[e.Key]} in the sample and {e.Value} in the app"));
    }

    [Fact]
    public void Binds_to_every_options_class()
    {
        var configuration = new ConfigurationBuilder().AddJsonFile(SamplePath()).Build();
        Assert.NotEmpty(Options);
        foreach (var type in Options) Assert.NotNull(configuration.GetSection(Section(type)).Get(type, o => o.ErrorOnUnknownConfiguration = true) ?? Activator.CreateInstance(type));
    }

    private static string Section(Type type) => (string)type.GetField("Section", BindingFlags.Public | BindingFlags.Static)!.GetRawConstantValue()!;

    private static IEnumerable<KeyValuePair<string, string?>> Defaults(Type type)
    {
        var options = Activator.CreateInstance(type);
        return type.GetProperties().Where(p => p.CanWrite).Select(p => KeyValuePair.Create($"{Section(type)}:{p.Name}", Text(p.GetValue(options))));
    }

    private static string? Text(object? value) => value switch
    {
        null => null,
        string s => s,
        IEnumerable list => "[" + string.Join(", ", list.Cast<object>()) + "]",
        TimeSpan t => t.ToString("c"),
        _ => value.ToString(),
    };

    private static void Flatten(string path, JsonElement element, Dictionary<string, string?> into)
    {
        if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var p in element.EnumerateObject()) Flatten(path.Length == 0 ? p.Name : $"{path}:{p.Name}", p.Value, into);
            return;
        }
        into[path] = element.ValueKind switch
        {
            JsonValueKind.Null => null,
            JsonValueKind.Array => "[" + string.Join(", ", element.EnumerateArray()) + "]",
            _ => element.ToString(),
        };
    }

    private static string SamplePath()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at!.FullName, "appsettings.sample.json"))) at = at.Parent;
        return Path.Combine(at.FullName, "appsettings.sample.json");
    }
}

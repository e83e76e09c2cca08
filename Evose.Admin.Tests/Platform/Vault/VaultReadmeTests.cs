using System.Reflection;
using System.Text.RegularExpressions;

namespace Evose.Admin.Tests.Platform.Vault;

public sealed class VaultReadmeTests
{
    [Fact]
    public void Every_test_named_here_exists()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Evose.Admin.sln"))) root = root.Parent!;
        var readme = File.ReadAllText(Path.Combine(root.FullName, "Evose.Admin", "Platform", "Vault", "README.md"));

        var named = Regex.Matches(readme, "`([A-Za-z]+Tests)\\.([A-Za-z0-9_]+)`").Select(m => (Class: m.Groups[1].Value, Method: m.Groups[2].Value)).ToList();
        Assert.True(named.Count > 30);
        Assert.All(named, n => Assert.NotNull(typeof(VaultReadmeTests).Assembly.GetType(typeof(VaultReadmeTests).Namespace + "." + n.Class)?
            .GetMethod(n.Method, BindingFlags.Public | BindingFlags.Instance)?.GetCustomAttribute<FactAttribute>()));
    }
}

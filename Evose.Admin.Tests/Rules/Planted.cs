#pragma warning disable CA1812, CA1823, CS0169, CS8618, IDE0051, CA1052, MA0048, CA1802 // planted to be found, not to be good

namespace Evose.Admin.Tests.Rules.Planted.Domain
{
    public sealed class Noun;

    public class Impure
    {
        public Func<Task> Later() => async () =>
        {
            await Task.Yield();
            _ = new Features.Low.Secret();
        };

        public Microsoft.Extensions.Logging.LogLevel Level() => Microsoft.Extensions.Logging.LogLevel.Debug;
    }
}

namespace Evose.Admin.Tests.Rules.Planted.Platform.Data
{
    public class AdminDb;

    public interface IFactory<T>;
}

namespace Evose.Admin.Tests.Rules.Planted.Platform.Vault
{
    public sealed class Plaintext;

    public sealed class Opener
    {
        public Plaintext Open() => new();
    }
}

namespace Evose.Admin.Tests.Rules.Planted.Features.Low
{
    public sealed class Secret;

    public sealed class Neighbour
    {
        public static string Name => "low";
    }
}

namespace Evose.Admin.Tests.Rules.Planted.Features.High
{
    public sealed class Allowed
    {
        public Domain.Noun Noun { get; } = new();

        public Platform.Vault.Plaintext? Value { get; }
    }

    public sealed class ByField
    {
        private Low.Neighbour? neighbour;
    }

    public sealed class ByAsyncBody
    {
        public async Task RunAsync()
        {
            await Task.Yield();
            Console_(new Low.Neighbour());
        }

        private static void Console_(object value) => _ = value;
    }

    public sealed class ByIterator
    {
        public IEnumerable<int> Run()
        {
            yield return Low.Neighbour.Name.Length;
        }
    }

    public sealed class ByLambda
    {
        public Func<int> Run() => () => Low.Neighbour.Name.Length;
    }

    public sealed class ByGenericArgument
    {
        public List<Low.Neighbour> All { get; } = [];
    }

    public sealed class ByNestedType
    {
        public sealed class Inner
        {
            public Low.Neighbour? Neighbour { get; }
        }
    }

    public sealed class AskingPage(Platform.Data.IFactory<Platform.Data.AdminDb> factory) : Microsoft.AspNetCore.Components.ComponentBase
    {
        public object Factory => factory;
    }
}

namespace Evose.Admin.Tests.Rules.Planted.Unheard.Of
{
    public sealed class Lost
    {
        public Domain.Noun? Noun { get; }
    }
}

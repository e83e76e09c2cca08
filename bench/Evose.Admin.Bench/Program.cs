using Evose.Admin.Bench;

[assembly: Microsoft.AspNetCore.Hosting.HostingStartup(typeof(NoLedger))]

if (!OperatingSystem.IsWindows()) Servers.TellAllocations();

// One command measures everything and prints the table: ./dev bench
// The other verbs are the processes that it starts.
return args switch
{
    ["upstream", var port] => await Servers.UpstreamAsync(int.Parse(port)),
    ["yarp", var port, var upstream] => await Servers.BareYarpAsync(int.Parse(port), upstream),
    ["app", .. var rest] => Servers.App(rest),
    ["vault"] => VaultBench.Run(),
    ["broker", .. var rest] => await BrokerBench.RunAsync(rest is [var rounds] ? int.Parse(rounds) : 7),
    [] => VaultBench.Run() | await BrokerBench.RunAsync(7),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("bench [vault | broker [rounds]]");
    return 2;
}

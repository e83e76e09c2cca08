using Evose.Admin.Bench;

[assembly: Microsoft.AspNetCore.Hosting.HostingStartup(typeof(NoLedger))]

if (!OperatingSystem.IsWindows()) Servers.TellAllocations();

// One command measures everything and writes docs/performance.md: ./dev bench
// The first verbs are the processes that it starts.
return args switch
{
    ["upstream", var port, var delay] => await Servers.UpstreamAsync(int.Parse(port), int.Parse(delay)),
    ["yarp", var port, var upstream] => await Servers.BareYarpAsync(int.Parse(port), upstream),
    ["app", .. var rest] => Servers.App(rest),
    _ => await Parts.RunAsync(args),
};

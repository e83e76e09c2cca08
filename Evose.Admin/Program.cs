using Evose.Admin.Features.Account;
using Evose.Admin.Features.ApiKeys;
using Evose.Admin.Features.Audit;
using Evose.Admin.Features.Backup;
using Evose.Admin.Features.Broker;
using Evose.Admin.Features.Channels;
using Evose.Admin.Features.Consumers;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Features.Demo;
using Evose.Admin.Features.Home;
using Evose.Admin.Features.Hygiene;
using Evose.Admin.Features.Jobs;
using Evose.Admin.Features.Keys;
using Evose.Admin.Features.Leaks;
using Evose.Admin.Features.Notifications;
using Evose.Admin.Features.OAuth;
using Evose.Admin.Features.Providers;
using Evose.Admin.Features.Rotation;
using Evose.Admin.Features.Sessions;
using Evose.Admin.Features.Workspaces;
using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Leaks;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Platform.OAuth;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Platform.Probing;
using Evose.Admin.Platform.Providers;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;
using Evose.Admin.Shell;
using MudBlazor.Services;

if (args is [var verb, ..] && !verb.StartsWith('-') && args is not (["audit", "verify", ..] or ["keys", "rotate"] or ["backup", _] or ["scan", _] or ["migrate"]))
{
    await Console.Error.WriteLineAsync($"There is no command '{string.Join(' ', args)}'. Known: audit verify, keys rotate, backup DIRECTORY, scan PATH (or - for standard input), migrate. Without a command the app starts.");
    return 2;
}

// Settings are read at the start. The framework would else watch the folder of the app for changes of its settings, and where the data lies below it, hear of every write of the record.
var builder = WebApplication.CreateBuilder(["--hostBuilder:reloadConfigOnChange=false", .. args]);
var data = builder.AddDataDirectory();

builder.AddWeb();
builder.Services.AddSingleton(TimeProvider.System);
builder.Services.AddRazorComponents().AddInteractiveServerComponents();
builder.Services.AddMudServices();
builder.Services.AddData(builder.Configuration, data).AddVault(builder.Configuration, data.Path).AddAuditTrail();
builder.Services.AddCatalog().AddLedger(builder.Configuration).AddOutbound(builder.Configuration).AddNotificationOutbox().AddLeakDesk().AddOAuthTokens();
builder.Services.AddProviderCatalog(builder.Configuration).AddProbing();
builder.Services.AddAdminIdentity(builder.Configuration, data).AddJobs(builder.Configuration).AddRestApi(builder.Configuration).AddIntake();
builder.Services.AddAccount(builder.Configuration).AddHome().AddWorkspaces().AddApiKeys().AddConsumers().AddCredentials().AddProviders();
builder.Services.AddBroker(builder.Configuration).AddRotation(builder.Configuration).AddSessions().AddOAuth(builder.Configuration).AddLeaks(builder.Configuration);
builder.Services.AddAudit().AddNotificationInbox(builder.Configuration).AddChannels(builder.Configuration).AddJobPages().AddKeys().AddDemo(builder.Configuration).AddHygiene(builder.Configuration).AddSingleton<ApiReference>();

var app = builder.Build();
await using (await DataSetup.StartingAloneAsync(app.Services, CancellationToken.None))
{
    if (args is ["migrate"])
    {
        await DataSetup.MigrateAsync(app.Services, TimeProvider.System.GetUtcNow(), CancellationToken.None);
        app.Services.PrepareJobs();
        return 0;
    }
    await app.StartDataAsync();
    // The anchor's first lines come before the first event, so that a removed beginning can be told from a new one.
    if (args is not ["audit", ..]) await app.Services.GetRequiredService<AuditAnchor>().OpenAsync(CancellationToken.None);
    if (args.Length == 0 || args[0].StartsWith('-')) await app.Services.GetRequiredService<Bootstrap>().RunAsync(CancellationToken.None);
    app.Services.PrepareKeyRing();
}
if (args is ["audit", "verify", ..]) return await AuditVerb.VerifyAsync(app.Services, Console.Out, Console.Error, CancellationToken.None);
if (args is ["keys", "rotate"]) return await KeysVerb.RotateAsync(app.Services, Console.Out, Console.Error, CancellationToken.None);
if (args is ["backup", var target]) return await BackupVerb.RunAsync(app.Services, target, Console.Out, Console.Error, CancellationToken.None);
if (args is ["scan", var where]) return await ScanVerb.RunAsync(app.Services, where, Console.OpenStandardInput(), Console.Out, Console.Error, CancellationToken.None);

app.UseBroker();
// Named here, or the framework would put it before the broker and match every call against every page.
app.UseRouting();
app.UseSecurityHeaders();
app.UsePageErrors();
app.UseApiErrors();
app.UseRepeatableBodies();
app.UseAccountGate();
app.UseAuthentication();
app.UseAuthorization();
app.UseRateLimiter();
app.UseAntiforgery();
app.MapStaticAssets().AllowAnonymous();
app.MapHealth();

var api = app.MapApi();
api.MapWorkspaces();
api.MapApiKeys();
api.MapConsumers();
api.MapCredentials();
api.MapRotation();
api.MapProviders();
api.MapInvoke();
api.MapAudit();
api.MapNotifications();
api.MapChannels();
api.MapHygiene();
api.MapLeaks();
app.MapGitHubWebhook();
app.MapOpenApi().AllowAnonymous();

app.MapAntiforgeryToken();
app.MapIntake();
app.MapAuditDownload();
var ui = app.MapUi();
ui.MapApiKeyTickets();
ui.MapInvitationTickets();
ui.MapLeakCheck();
app.MapLeakEvidence();
ui.MapOAuthStart();
app.MapOAuthCallback();
app.MapDemo();
app.MapRazorComponents<App>().AddInteractiveServerRenderMode();

app.Services.ScheduleRotation();
app.Services.ScheduleNotifications();
app.Services.ScheduleChannels();
app.Services.ScheduleAudit();
app.Services.ScheduleHousekeeping();
app.Services.ScheduleOAuth();
app.Services.ScheduleHygiene();

app.AnnounceSetup();
await app.RunAsync();
return 0;

/// <summary>The app's table of contents.</summary>
public partial class Program;

namespace Evose.Admin.UI;

/// <summary>Every address of the app, as code.</summary>
public static class Urls
{
    public const string Home = "/";
    public const string Login = "/account/login";
    public const string Logout = "/account/logout";
    public const string Setup = "/setup";
    public const string SealedVault = "/sealed";
    public const string RecoveryKey = "/account/recovery-key";
    public const string Password = "/account/password";
    public const string Status = "/status";
    public const string NotFound = "/not-found";
    public const string Audit = "/audit";
    public const string Notifications = "/notifications";
    public const string ApiKeys = "/org/api-keys";
    public const string Members = "/org/members";
    public const string Workspaces = "/org/workspaces";
    public const string Jobs = "/system/jobs";
    public const string ApiDocs = "/api/docs";
    public const string Providers = "/settings/providers";

    /// <summary>Stands in an address where an id would, for a thing that is not there yet.</summary>
    public const string NewId = "new";

    public static string AcceptInvite(string token) => $"/account/accept-invite?token={Uri.EscapeDataString(token)}";

    public static string Provider(string id) => $"{Providers}/{id}";
    public static string NewProvider() => Provider(NewId);
    public static string ApiKeysIn(string? status, string? cursor = null) => With(ApiKeys, ("status", status), ("cursor", cursor));
    public static string MembersOf(string? ws) => With(Members, ("ws", ws));
    public static string Workspace(string ws) => $"/w/{ws}";
    public static string Credentials(string ws) => $"/w/{ws}/credentials";
    public static string NewCredential(string ws, string? type = null) => $"/w/{ws}/credentials/new" + (type is null ? "" : "?type=" + type);
    public static string Credential(string ws, string name) => $"/w/{ws}/credentials/{name}";
    public static string Connect(string ws, string name, string? result = null) => With($"/w/{ws}/credentials/{name}/connect", ("result", result));
    public static string OAuthStart(string ticket) => With("/ui/oauth/start", ("ticket", ticket));
    public static string OAuthFailed(string reason) => With("/oauth/failed", ("reason", reason));
    public static string Rotate(string ws, string name) => $"/w/{ws}/credentials/{name}/rotate";
    public static string Leaks(string ws, string? state = null) => With($"/w/{ws}/leaks", ("state", state));
    public static string ReportLeak(string ws, string? credential = null) => With($"/w/{ws}/leaks/new", ("credential", credential));
    public static string Leak(string ws, Guid id) => $"/w/{ws}/leaks/{id}";
    public static string LeakEvidence(string ws, Guid id) => $"/ui/leaks/{ws}/{id}/evidence";
    public static string Rotations(string ws) => $"/w/{ws}/rotations";
    public static string Channels(string ws) => $"/w/{ws}/channels";
    public static string NewChannel(string ws, string? kind = null) => With($"/w/{ws}/channels/{NewId}", ("kind", kind));
    public static string Channel(string ws, Guid id) => $"/w/{ws}/channels/{id}";
    public static string NotificationSettings(string ws) => $"/w/{ws}/notification-settings";
    public static string Hygiene(string ws, string? rule = null, string? severity = null, string? state = null, string? q = null, string? after = null) => With($"/w/{ws}/hygiene", ("rule", rule), ("severity", severity), ("state", state), ("q", q), ("after", after));
    public static string CredentialAccess(string ws, string name) => Credential(ws, name) + "?tab=access";
    public static string Tools(string ws) => $"/w/{ws}/tools";
    public static string NewTool(string ws) => $"/w/{ws}/tools/new";
    public static string Tool(string ws, string name) => At(ws, "tools", name);
    public static string Agents(string ws) => $"/w/{ws}/agents";
    public static string Agent(string ws, string name) => At(ws, "agents", name);
    public static string Workflows(string ws) => $"/w/{ws}/workflows";
    public static string Workflow(string ws, string name) => At(ws, "workflows", name);
    public static string AuditOf(string? workspace = null, string? credential = null) =>
        $"/audit?{(workspace is null ? "" : $"workspace={workspace}&")}{(credential is null ? "" : $"credential={credential}")}".TrimEnd('&', '?');

    // The organization names consumers with their workspace.
    private static string At(string ws, string kind, string name) => name.Split('/') is [var whose, var own] ? $"/w/{whose}/{kind}/{own}" : $"/w/{ws}/{kind}/{name}";

    private static string With(string path, params ReadOnlySpan<(string Name, string? Value)> query)
    {
        var mark = '?';
        foreach (var (name, value) in query)
        {
            if (value is null) continue;
            path += $"{mark}{name}={Uri.EscapeDataString(value)}";
            mark = '&';
        }
        return path;
    }
}

using System.Text.Json;
using System.Text.Json.Serialization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.OAuth;
using Evose.Admin.Platform.Web;

namespace Evose.Admin.Features.Credentials;

/// <summary>Wires credentials: registering, changing, archiving, and who uses them.</summary>
public static class CredentialsFeature
{
    public static IServiceCollection AddCredentials(this IServiceCollection services)
    {
        services.AddSingleton<RegisterCredential>();
        services.AddSingleton<CheckNewValue>();
        services.AddSingleton<EditCredential>();
        services.AddSingleton<ChangeScope>();
        services.AddSingleton<ArchiveCredential>();
        services.AddSingleton<ChangeReminders>();
        services.AddSingleton<RemindersQuery>();
        services.AddSingleton<CredentialListQuery>();
        services.AddSingleton<CredentialDetailQuery>();
        services.AddSingleton<ReferencesQuery>();
        services.AddSingleton<RecentCallsQuery>();
        services.AddSingleton<UsageQuery>();
        services.AddSingleton<SourcesQuery>();
        services.AddSingleton<CredentialFindingsQuery>();
        services.AddSingleton<AccessQuery>();
        services.AddSingleton<ConsumerChoicesQuery>();
        services.AddSingleton<AppStart>();
        services.AddHostedService(p => p.GetRequiredService<AppStart>());
        return services;
    }

    public static void MapCredentials(this RouteGroupBuilder api)
    {
        api = api.MapGroup("").WithTags("Credentials");
        const string List = "/workspaces/{ws}/credentials";
        const string One = List + "/{name}";
        api.MapPost(List, RegisterAsync).Accepts<RegisterDocument>("application/json").WithSummary("Register a credential. The value goes in here and never comes out.");
        api.MapGet(List, async (string ws, string? search, string? status, string? environment, string? sort, int? limit, string? cursor, CredentialListQuery list, HttpContext context) =>
            ApiResults.Of(await list.ViewsAsync(context.Caller(), ws, new CredentialListQuery.Filter(search, status, environment, sort, limit, cursor), context.RequestAborted), p => p.Select(c => (object)Shape(c)))).WithSummary("List and search credentials.");
        api.MapGet(One, async (string ws, string name, CredentialDetailQuery detail, HttpContext context) => ApiResults.Of(await detail.RunAsync(context.Caller(), ws, name, context.RequestAborted), Shape)).WithSummary("One credential with its versions; no value, ever.");
        api.MapPatch(One, EditAsync).Accepts<PatchBody>("application/json").WithSummary("Change name, metadata, scope or hosts. What is left out is kept; null removes.");
        api.MapDelete(One, async (string ws, string name, bool? break_references, ArchiveCredential archive, HttpContext context) =>
            (await archive.ExecuteAsync(context.Caller(), ws, name, new ArchiveCredential.Input(break_references == true), context.RequestAborted)).Failed(out var problem) ? ApiResults.Of(problem) : Results.NoContent()).WithSummary("Archive: every value is destroyed, the history stays, the name is free again.");
        api.MapGet(One + "/reminders", async (string ws, string name, RemindersQuery reminders, HttpContext context) => ApiResults.Of(await reminders.RunAsync(context.Caller(), ws, name, context.RequestAborted), Shape)).WithSummary("When people are told that it expires, and what they were told.");
        api.MapPut(One + "/reminders", async (string ws, string name, RemindersBody body, ChangeReminders change, RemindersQuery reminders, HttpContext context) =>
            (await change.ExecuteAsync(context.Caller(), ws, name, new ChangeReminders.Input(body.Ladder), context.RequestAborted)).Failed(out var problem) ? ApiResults.Of(problem)
                : ApiResults.Of(await reminders.RunAsync(context.Caller(), ws, name, context.RequestAborted), Shape)).WithSummary("Give it a ladder of its own; null follows the workspace.");
        api.MapGet(One + "/references", async (string ws, string name, ReferencesQuery references, HttpContext context) =>
            ApiResults.Of(await references.RunAsync(context.Caller(), ws, name, context.RequestAborted),
                rows => new Page<object>([.. rows.Select(r => new { kind = r.Kind.Wire(), r.Name, r.Places, r.Via, r.Granted })], null, false))).WithSummary("Who references it: tools directly, agents and workflows through them.");
        api.MapGet(One + "/calls", async (string ws, string name, string? outcome, int? limit, string? cursor, RecentCallsQuery calls, HttpContext context) =>
            ApiResults.Of(await calls.RunAsync(context.Caller(), ws, name, new RecentCallsQuery.Filter(outcome, limit, cursor), context.RequestAborted), p => p.Select(Shape))).WithSummary("Recent calls, newest first.");
        api.MapGet(One + "/usage", async (string ws, string name, string? range, UsageQuery usage, HttpContext context) =>
            ParseRange(range) is { } span ? ApiResults.Of(await usage.RunAsync(context.Caller(), ws, name, span, context.RequestAborted)) : ApiResults.Of(Problem.Invalid("range", "The range is one of: 24h, 7d, 30d."))).WithSummary("Calls and errors over 24 hours, 7 and 30 days, and a series for a chart.");
        api.MapGet(One + "/access", async (string ws, string name, string? tool, string? agent, string? workflow, string? user_id, AccessQuery access, HttpContext context) =>
            ApiResults.Of(await access.RunAsync(context.Caller(), ws, name, new AccessQuery.Question(tool, agent, workflow, user_id), context.RequestAborted))).WithSummary("Would this caller be allowed, and by which rule.");
    }

    /// <param name="Ladder">Days before expiry, descending; null follows the workspace.</param>
    public sealed record RemindersBody(IReadOnlyList<int>? Ladder);

    private static object Shape(RemindersQuery.View v) => new
    {
        v.Ladder,
        v.From,
        ExpiresAt = v.ExpiresAt?.UtcDateTime,
        BannerFrom = v.BannerFrom?.UtcDateTime,
        BlockedFrom = v.BlockedFrom?.UtcDateTime,
        Blocked = v.IsBlocked,
        Steps = v.Steps.Select(s => new { s.Days, At = s.At.UtcDateTime, ToldAt = s.ToldAt?.UtcDateTime, s.Channels, s.Waiting, s.AcknowledgedBy }),
    };

    /// <summary>Null for a word that is none of them; 30 days when not given.</summary>
    internal static UsageRange? ParseRange(string? word) => word switch
    {
        "24h" => UsageRange.Day,
        "7d" => UsageRange.Week,
        "30d" or null or "" => UsageRange.Month,
        _ => null,
    };

    /// <summary>The body of a registration without its values, which are read apart.</summary>
    public sealed record RegisterBody(string? Name, string? Type, string? Description, ScopeNames? Scope, IReadOnlyList<string>? AllowedHosts, string? Provider, string? Owner, string? ExpiresAt, JsonElement? Injection, SessionBody? Session,
        [property: JsonPropertyName("oauth")] OAuthBody? OAuth, bool? AllowInUrl, IReadOnlyList<string>? Grants, bool? Verify = null);

    /// <summary>The same with the values, for the document only: values are read apart and never become text.</summary>
    public sealed record RegisterDocument(string Name, string Type, IReadOnlyDictionary<string, string> Fields, string? Description, ScopeNames? Scope, IReadOnlyList<string>? AllowedHosts, string? Provider, string? Owner, string? ExpiresAt,
        [property: JsonPropertyName("oauth")] OAuthBody? OAuth);

    /// <summary>Where an OAuth token's client is registered, when it is not as the provider's record says.</summary>
    public sealed record OAuthBody(string? AuthorizeUrl, string? TokenUrl, string? Scopes, string? Body, string? ClientAuth);

    /// <summary>The body of a change: what is not there is kept, null removes.</summary>
    public sealed record PatchBody(string? Name, string? Description, string? Provider, string? Owner, string? ExpiresAt, ScopeNames? Scope, IReadOnlyList<string>? AllowedHosts, int? Revision, SessionBody? Session,
        JsonElement? Injection, bool? AllowInUrl, IReadOnlyList<string>? Grants);

    /// <summary>By what an answer shows that a session is over. What is not there is as usual.</summary>
    /// <param name="WhenLoggedOut"><c>go_on</c> or <c>refuse</c>.</param>
    /// <param name="NeedsSignIn">False: somebody looked into it, and the session is not over.</param>
    public sealed record SessionBody(IReadOnlyList<int>? LoggedOutStatuses, string? LoginPath, string? Marker, string? WhenLoggedOut, bool? NeedsSignIn)
    {
        /// <summary>True when only <see cref="NeedsSignIn"/> was given.</summary>
        public bool IsOnlyState => NeedsSignIn is not null && LoggedOutStatuses is null && LoginPath is null && Marker is null && WhenLoggedOut is null;

        public Outcome<SessionRules> Rules() => NeedsSignIn == true ? Problem.Invalid("session.needs_sign_in", "That a session is over is for the site to say; give false when it is not.")
            : WhenLoggedOut is null or "go_on" or "refuse"
                ? new SessionRules(LoggedOutStatuses ?? SessionRules.Default.LoggedOutStatuses, CredentialWords.Trimmed(LoginPath), CredentialWords.Trimmed(Marker), WhenLoggedOut == "refuse")
                : Problem.Invalid("session.when_logged_out", "Calls go_on or refuse when the session is over.");
    }

    private static async Task<IResult> RegisterAsync(string ws, RegisterCredential register, CredentialDetailQuery detail, HttpContext context)
    {
        var ct = context.RequestAborted;
        if ((await SecretJson.ReadAsync(context.Request, ct)).Failed(out var unreadable, out var json)) return ApiResults.Of(unreadable);
        using (json)
        {
            if (json!.Read<RegisterBody>().Failed(out var malformed, out var body)) return ApiResults.Of(malformed);
            if (InjectionDraft.Read(body!.Injection).Failed(out var badInjection, out var injection)) return ApiResults.Of(badInjection);
            SessionRules? rules = null;
            if (body.Session is { } session && session.Rules().Failed(out var badSession, out rules)) return ApiResults.Of(badSession);
            var input = new RegisterCredential.Input(body!.Name, body.Type, json.Fields, null, body.Description, body.Scope, body.AllowedHosts, body.Provider, body.Owner, body.ExpiresAt,
                injection, body.AllowInUrl ?? false, body.Grants, rules, body.Verify ?? false, null,
                body.OAuth is { } o ? new OAuthAppInput(body.Provider, null, o.Scopes, o.AuthorizeUrl, o.TokenUrl, o.Body, o.ClientAuth) : null);
            if ((await register.ExecuteAsync(context.Caller(), ws, input, ct)).Failed(out var problem, out var made)) return ApiResults.Of(problem);
            return ApiResults.Of(await detail.RunAsync(context.Caller(), ws, made!.Name, ct), c => Shape(c, made), StatusCodes.Status201Created);
        }
    }

    private static async Task<IResult> EditAsync(string ws, string name, EditCredential edit, CredentialDetailQuery detail, HttpContext context)
    {
        var ct = context.RequestAborted;
        if ((await SecretJson.ReadAsync(context.Request, ct)).Failed(out var unreadable, out var json)) return ApiResults.Of(unreadable);
        using (json)
        {
            if (json!.Fields.Count > 0) return ApiResults.Of(Problem.Invalid("fields", "A value is replaced by a rotation, so that no call fails: POST it to …/rotation."));
            if (json.Read<PatchBody>().Failed(out var malformed, out var body)) return ApiResults.Of(malformed);
            if (json.Read<Dictionary<string, JsonElement>>().Failed(out malformed, out var members)) return ApiResults.Of(malformed);
            foreach (var kept in new[] { "name", "scope", "allowed_hosts", "allow_in_url", "grants" })
                if (members!.TryGetValue(kept, out var given) && given.ValueKind == JsonValueKind.Null) return ApiResults.Of(Problem.Invalid(kept, "This cannot be removed. Leave it out to keep it."));
            SessionRules? rules = null;
            if (body!.Session is { } session && session.Rules().Failed(out var badSession, out rules)) return ApiResults.Of(badSession);
            if (body.Session is { IsOnlyState: true }) rules = null;
            // Null removes: the usual rules hold.
            if (members!.TryGetValue("session", out var given2) && given2.ValueKind == JsonValueKind.Null) rules = SessionRules.Default;
            if (InjectionDraft.Read(body!.Injection).Failed(out var badInjection, out var injection)) return ApiResults.Of(badInjection);
            // A given null takes the rules away.
            if (members!.ContainsKey("injection")) injection ??= Injection.None;
            var input = new EditCredential.Input(Of("name", body!.Name), Of("description", body.Description), Of("provider", body.Provider), Of("owner", body.Owner), Of("expires_at", body.ExpiresAt), body.Scope, body.AllowedHosts, body.Revision,
                body.AllowInUrl, injection, body.Grants, rules, body.Session is { NeedsSignIn: false });
            if ((await edit.ExecuteAsync(context.Caller(), ws, name, input, ct)).Failed(out var problem, out var edited)) return ApiResults.Of(problem);
            return ApiResults.Of(await detail.RunAsync(context.Caller(), ws, edited!.Name, ct), Shape);

            Wanted? Of(string member, string? value) => members!.ContainsKey(member) ? new Wanted(value) : null;
        }
    }

    private static Dictionary<string, object?> Shape(CredentialView c)
    {
        var shape = Common(c);
        if (c.AllowInUrl) shape["allow_in_url"] = true;
        if (!c.Injection.IsEmpty) shape["injection"] = InjectionDraft.Shape(c.Injection);
        if (c.PlainFields.Count > 0 && c.Type == CredentialType.Custom) shape["fields"] = c.PlainFields;
        if (c.Grants.Count > 0) shape["grants"] = c.Grants;
        if (c.FrozenAt is { } frozen) shape["frozen_at"] = frozen.UtcDateTime;
        if (c.Leak is { } leak) shape["leak"] = new { leak.Id, leak.Version, Source = leak.Source.Wire(), State = leak.State.Wire() };
        if (c.FromOrganization) shape["from"] = Domain.Workspaces.Workspace.OrganizationSlug;
        if (c.Session is not { } session) return shape;
        shape["session"] = new
        {
            session.Rules.LoggedOutStatuses, session.Rules.LoginPath, session.Rules.Marker, WhenLoggedOut = session.Rules.Refuse ? "refuse" : "go_on", NeedsSignIn = session.NeedsSignInAt is not null,
            NeedsSignInAt = session.NeedsSignInAt?.UtcDateTime, session.NeedsSignInWhy,
        };
        shape["cookies"] = c.Cookies.Select(k => new { k.Name, k.Domain, k.Path, ExpiresAt = k.ExpiresAt?.UtcDateTime, k.Secure, k.HostOnly, k.HttpOnly });
        return shape;
    }

    private static Dictionary<string, object?> Common(CredentialView c) => new()
    {
        ["name"] = c.Name,
        ["type"] = c.Type.Wire(),
        ["description"] = c.Description,
        ["provider"] = c.Provider,
        ["environment"] = c.Environment,
        ["status"] = c.Status.Word(),
        ["scope"] = c.Scope,
        ["allowed_hosts"] = c.AllowedHosts,
        ["owner"] = c.Owner,
        ["expires_at"] = c.ExpiresAt?.UtcDateTime,
        ["last_used_at"] = c.LastUsedAt?.UtcDateTime,
        ["versions"] = c.Versions.Select(v => new
        {
            v.Number,
            v.State,
            CreatedAt = v.CreatedAt.UtcDateTime,
            v.CreatedBy,
            ActivatedAt = v.ActivatedAt?.UtcDateTime,
            RetireAt = v.RetireAt?.UtcDateTime,
            RetiredAt = v.RetiredAt?.UtcDateTime,
            v.Fingerprint,
        }),
    };

    private static Dictionary<string, object?> Shape(CredentialView c, RegisterCredential.Registered made)
    {
        var shape = Shape(c);
        shape["warnings"] = made.Warnings;
        if (made.Check is { } check) shape["verify"] = new { result = check.Result.Word(), check.Note };
        return shape;
    }

    private static object Shape(RecentCallsQuery.Row c) => new
    {
        c.Id,
        CreatedAt = c.At.UtcDateTime,
        c.Workspace,
        c.Tool,
        c.Agent,
        c.Workflow,
        c.RunId,
        c.UserId,
        c.ApiKey,
        c.Credential,
        c.Version,
        c.Method,
        c.Host,
        c.Path,
        c.Status,
        c.DurationMs,
        Outcome = c.Outcome?.Wire(),
        c.Rule,
        c.RequestId,
    };
}

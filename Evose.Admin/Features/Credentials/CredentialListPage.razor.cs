using Evose.Admin.Domain;
using Evose.Admin.Platform.Web;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Credentials;

/// <summary>The credentials of a workspace; search, filters, sort and page stand in the address.</summary>
public partial class CredentialListPage : AdminPage
{
    private const int PageSize = 50;
    private Page<CredentialListQuery.Row>? _page;
    private bool _manages;
    private DateTimeOffset _now;
    private long _most;
    private (string, CredentialListQuery.Filter)? _shown;

    [Inject] public required CredentialListQuery Query { get; init; }

    [Inject] public required TimeProvider Clock { get; init; }

    [Parameter] public string Ws { get; set; } = "";

    [SupplyParameterFromQuery(Name = "q")] public string? Q { get; set; }

    [SupplyParameterFromQuery(Name = "status")] public string? Status { get; set; }

    [SupplyParameterFromQuery(Name = "env")] public string? Env { get; set; }

    [SupplyParameterFromQuery(Name = "sort")] public string? Sort { get; set; }

    [SupplyParameterFromQuery(Name = "cursor")] public string? Cursor { get; set; }

    private bool IsFiltered => !string.IsNullOrEmpty(Q) || !string.IsNullOrEmpty(Status) || !string.IsNullOrEmpty(Env) || Cursor is not null;

    protected override async Task OnParametersSetAsync()
    {
        var filter = new CredentialListQuery.Filter(Q, Status, Env, Sort, PageSize, Cursor);
        if (_shown == (Ws, filter)) return;
        _shown = (Ws, filter);
        var outcome = await ListAsync(filter);
        Problem = outcome.Problem;
        // After a failure the last rows stay.
        if (outcome.Value is { } listing) (_page, _manages, _now, _most) = (listing.Page, listing.Manages, Clock.GetUtcNow(), listing.Page.Data.Max(c => (long?)c.Calls) ?? 0);
    }

    /// <summary>Where the rows come from; the benchmark gives its own.</summary>
    protected virtual Task<Outcome<CredentialListQuery.Listing>> ListAsync(CredentialListQuery.Filter filter) => Query.ListAsync(Actor, Ws, filter, Gone);

    private long Share(long calls) => calls * 100 / Math.Max(1, _most);

    private void Go(string? q = null, string? status = null, string? env = null, string? sort = null) =>
        Navigation.NavigateTo(Address(null, q ?? Q, status ?? Status, env ?? Env, sort ?? Sort), replace: q is not null);

    private string Address(string? cursor = null) => Address(cursor, Q, Status, Env, Sort);

    private string Address(string? cursor, string? q, string? status, string? env, string? sort) => Navigation.GetUriWithQueryParameters(Urls.Credentials(Ws), new Dictionary<string, object?>
    {
        ["q"] = Some(q),
        ["status"] = Some(status),
        ["env"] = Some(env),
        ["sort"] = sort == "name" ? null : Some(sort),
        ["cursor"] = cursor,
    });

    private static string? Some(string? text) => string.IsNullOrEmpty(text) ? null : text;
}

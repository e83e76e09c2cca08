using Evose.Admin.Domain;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.OAuth;
using Evose.Admin.Platform.Web;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Options;
using MudBlazor;

namespace Evose.Admin.Features.OAuth;

/// <summary>The OAuth client of one credential and the way to the provider. The secret goes through the intake; the page knows only its id.</summary>
public sealed partial class ConnectPage : AdminPage
{
    private ConnectQuery.View? _view;
    private SecretField? _secret;
    private string _provider = OAuthProviders.Generic, _clientId = "", _scopes = "", _authorizeUrl = "", _tokenUrl = "", _body = "", _auth = "";
    private string? _error, _shown;
    private bool _busy;

    [Inject] public required ConnectQuery Query { get; init; }

    [Inject] public required SaveOAuthApp Save { get; init; }

    [Inject] public required StagedValues Staged { get; init; }

    [Inject] public required OAuthProviders Providers { get; init; }

    [Inject] public required OneTimeTickets Tickets { get; init; }

    [Inject] public required IOptions<OAuthOptions> Options { get; init; }

    [Parameter] public string Ws { get; set; } = "";

    [Parameter] public string Name { get; set; } = "";

    [SupplyParameterFromQuery(Name = "result")] public string? Result { get; set; }

    private OAuthProvider Chosen => Providers.Find(_provider) ?? Providers.Find(OAuthProviders.Generic)!;

    private string RedirectUri => OAuthFeature.RedirectUri(Options.Value, new Uri(Navigation.BaseUri).GetLeftPart(UriPartial.Authority));

    private (string Tone, string Title, string Text)? Said => Result switch
    {
        "connected" => ("banner-good", "Connected.", "The token is in use and is refreshed before it ends."),
        "connected_for_now" => ("banner-warn", "Connected, until the token ends.", "The provider gave no refresh token, so somebody has to sign in again then. Check scopes and settings of the client."),
        "refused" => ("banner-bad", "The consent was refused at the provider.", "Nothing was changed."),
        "failed" => ("banner-bad", "The provider gave no token.", "Check client id, secret, redirect address and scopes, then sign in again. Nothing was changed."),
        "provider_down" => ("banner-bad", "The provider did not answer.", "Sign in again in a moment. Nothing was changed."),
        "no_code" => ("banner-bad", "The provider sent the browser back without a code.", "Nothing was changed."),
        "not_ready" => ("banner-bad", "The OAuth client is not ready.", "Save it first."),
        _ => null,
    };

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == Ws + "/" + Name) return;
        _shown = Ws + "/" + Name;
        var outcome = await Query.RunAsync(Actor, Ws, Name, Gone);
        (_view, Problem) = (outcome.Value, outcome.Problem);
        if (_view is null) return;
        _provider = _view.App?.Provider ?? Providers.Find(_view.Provider)?.Id ?? OAuthProviders.Generic;
        _clientId = _view.App?.ClientId ?? "";
        _scopes = _view.App?.Scopes ?? Chosen.DefaultScopes;
        if (_view.App is not { } app) return;
        // Only what is not as the provider's record has it, so that a corrected record is followed.
        _authorizeUrl = app.AuthorizeUrl == Chosen.AuthorizeUrl ? "" : app.AuthorizeUrl;
        _tokenUrl = app.TokenUrl == Chosen.TokenUrl ? "" : app.TokenUrl;
        _body = app.Body == Chosen.Body ? "" : app.Body == OAuthBody.Json ? "json" : "form";
        _auth = app.ClientAuth == Chosen.ClientAuth ? "" : app.ClientAuth == OAuthClientAuth.Basic ? "basic" : "body";
    }

    private void Chose(ChangeEventArgs e)
    {
        var scopesUntouched = _scopes == Chosen.DefaultScopes || _scopes.Length == 0;
        _provider = (string?)e.Value ?? OAuthProviders.Generic;
        if (scopesUntouched) _scopes = Chosen.DefaultScopes;
    }

    private async Task SaveAsync()
    {
        if (!await KeepAsync()) return;
        Navigation.NavigateTo(Urls.OAuthStart(Tickets.Issue(Actor, new ConnectTicket(Ws, Name))), forceLoad: true);
    }

    private async Task SaveOnlyAsync()
    {
        if (!await KeepAsync()) return;
        Snackbar.Add("Saved.", Severity.Success);
        _shown = null;
        await OnParametersSetAsync();
    }

    private async Task<bool> KeepAsync()
    {
        (_busy, _error) = (true, null);
        try
        {
            Guid? secret = null;
            if (await _secret!.HasValueAsync())
            {
                var (id, ticket) = Staged.Issue(Actor);
                if (await _secret.SendAsync(ticket) is { } refused)
                {
                    _error = refused;
                    return false;
                }
                secret = id;
            }
            var app = new OAuthAppInput(_provider, _clientId, _scopes, _authorizeUrl, _tokenUrl, _body, _auth);
            if ((await Save.ExecuteAsync(Actor, Ws, Name, new SaveOAuthApp.Input(app, secret), Gone)).Failed(out var problem)) _error = problem.Message;
            return _error is null;
        }
        finally
        {
            _busy = false;
        }
    }
}

using Evose.Admin.Domain;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption;
using Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption.ConfigurationModel;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Identity;

/// <summary>Wires sign-in: ASP.NET Core Identity with cookies for people, API keys for programs, and the rules of both.</summary>
public static class IdentitySetup
{
    /// <summary>Policy of the REST surface: an API key, nothing else.</summary>
    public const string ApiPolicy = "api";

    private static readonly string[] ForPrograms = ["/api", "/ui", "/mcp", "/openapi", "/_blazor"];

    public static IServiceCollection AddAdminIdentity(this IServiceCollection services, IConfiguration configuration, DataDirectory directory)
    {
        var cookieKeys = Directory.CreateDirectory(Path.Combine(directory.Keys, "cookies"));
        services.AddDataProtection()
            .SetApplicationName("Evose.Admin")
            .UseCryptographicAlgorithms(new AuthenticatedEncryptorConfiguration { EncryptionAlgorithm = EncryptionAlgorithm.AES_256_GCM, ValidationAlgorithm = ValidationAlgorithm.HMACSHA512 });
        var isShared = DataOptions.IsPostgres(configuration);
        services.AddOptions<KeyManagementOptions>().Configure<IServiceProvider>((o, p) =>
        {
            IXmlRepository kept = isShared ? ActivatorUtilities.CreateInstance<SharedKeyRing>(p) : new FileSystemXmlRepository(cookieKeys, p.GetRequiredService<ILoggerFactory>());
            o.XmlRepository = ActivatorUtilities.CreateInstance<KeyRing>(p, kept);
            o.XmlEncryptor = ActivatorUtilities.CreateInstance<KeyRingEncryptor>(p);
        });

        services.AddScoped(p => p.GetRequiredService<IDbContextFactory<AdminDb>>().CreateDbContext());
        services.AddAuthentication(o =>
            {
                o.DefaultScheme = IdentityConstants.ApplicationScheme;
                o.DefaultSignInScheme = IdentityConstants.ExternalScheme;
            })
            .AddScheme<AuthenticationSchemeOptions, ApiKeyAuthenticationHandler>(ApiKeyAuthenticationHandler.SchemeName, null)
            .AddIdentityCookies();
        services.AddIdentityCore<AdminUser>(o =>
            {
                o.Password.RequiredLength = 15;
                o.Password.RequireDigit = o.Password.RequireLowercase = o.Password.RequireUppercase = o.Password.RequireNonAlphanumeric = false;
                o.Lockout.MaxFailedAccessAttempts = 5;
                o.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(15);
                o.User.RequireUniqueEmail = true;
            })
            .AddEntityFrameworkStores<AdminDb>()
            .AddSignInManager<AdminSignIn>()
            .AddDefaultTokenProviders();
        services.Configure<PasswordHasherOptions>(o => o.IterationCount = 210_000);
        services.Configure<SecurityStampValidatorOptions>(o => o.ValidationInterval = TimeSpan.FromMinutes(1));
        services.ConfigureApplicationCookie(o =>
        {
            o.Cookie.Name = "evose";
            o.Cookie.HttpOnly = true;
            o.Cookie.SameSite = SameSiteMode.Strict;
            // localhost works without HTTPS; over HTTPS the cookie is Secure.
            o.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
            o.ExpireTimeSpan = TimeSpan.FromHours(8);
            o.SlidingExpiration = false;
            o.LoginPath = "/account/login";
            o.AccessDeniedPath = "/not-found";
            o.ReturnUrlParameter = "return_url";
            // Programs are answered, people are led to the sign-in page.
            o.Events.OnRedirectToLogin = context => AnswerAsync(context, Problem.Unauthorized("Sign in first."));
            o.Events.OnRedirectToAccessDenied = context => AnswerAsync(context, Problem.Forbidden("role", "Your role does not allow this."));
        });
        services.AddAntiforgery(o =>
        {
            o.Cookie.Name = "evose.csrf";
            o.Cookie.HttpOnly = true;
            o.Cookie.SameSite = SameSiteMode.Strict;
            o.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        });

        services.AddAuthorizationBuilder()
            .AddPolicy(ApiPolicy, p => p.AddAuthenticationSchemes(ApiKeyAuthenticationHandler.SchemeName).RequireAuthenticatedUser())
            .SetFallbackPolicy(new AuthorizationPolicyBuilder(IdentityConstants.ApplicationScheme).RequireAuthenticatedUser().Build());
        services.AddCascadingAuthenticationState();
        services.AddScoped<AuthenticationStateProvider, RevalidatingUser>();
        services.AddSingleton<IHttpContextAccessor, PageContext>();
        services.AddSingleton<ApiKeyUses>();
        services.AddHostedService(p => p.GetRequiredService<ApiKeyUses>());
        services.AddSingleton<ApiKeyAuthenticator>();
        services.AddSingleton<Authorizer>();
        return services;
    }

    /// <summary>Makes the first cookie key, to be called while no other node starts: each would make one that the others have not read.</summary>
    public static void PrepareKeyRing(this IServiceProvider services) => services.GetRequiredService<IDataProtectionProvider>().CreateProtector("start").Protect([]);

    private static Task AnswerAsync(RedirectContext<CookieAuthenticationOptions> context, Problem problem)
    {
        if (Array.Exists(ForPrograms, p => context.Request.Path.StartsWithSegments(p))) return ApiResults.WriteAsync(context.HttpContext, problem);
        context.Response.Redirect(context.RedirectUri);
        return Task.CompletedTask;
    }
}

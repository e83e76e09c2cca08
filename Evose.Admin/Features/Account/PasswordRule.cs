using Evose.Admin.Platform.Data;
using Microsoft.AspNetCore.Identity;

namespace Evose.Admin.Features.Account;

/// <summary>Length is what counts: 15 to 128 characters of any kind, but not one that a guess of minutes would find.</summary>
public sealed class PasswordRule : IPasswordValidator<AdminUser>
{
    public const int MinLength = 15;
    public const int MaxLength = 128;

    public const string Explanation = "At least 15 characters. A sentence or four random words is good; no special characters are asked for.";

    private const int MinDistinct = 6;
    private static readonly string[] Runs = ["0123456789", "123456789", "12345", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "password", "evose", "admin", "letmein", "welcome"];

    public Task<IdentityResult> ValidateAsync(UserManager<AdminUser> manager, AdminUser user, string? password) =>
        Task.FromResult(Refuse(password ?? "", user.Email) is { } why ? IdentityResult.Failed(new IdentityError { Code = "PasswordRule", Description = why }) : IdentityResult.Success);

    /// <summary>Gives the user the password, or says what is wrong with it. Hashing is slow on purpose: call it before a write transaction, and then create the user without a password.</summary>
    public static async Task<string?> SetAsync(UserManager<AdminUser> users, AdminUser user, string password)
    {
        var wrong = new List<string>();
        foreach (var rule in users.PasswordValidators) wrong.AddRange((await rule.ValidateAsync(users, user, password)).Errors.Select(e => e.Description));
        if (wrong.Count > 0) return string.Join(' ', wrong);
        user.PasswordHash = users.PasswordHasher.HashPassword(user, password);
        return null;
    }

    internal static string? Refuse(string password, string? email)
    {
        if (password.Length < MinLength) return null; // Identity says this one itself.
        if (password.Length > MaxLength) return $"Use at most {MaxLength} characters.";
        if (password.Distinct().Count() < MinDistinct) return "This repeats the same few characters. Use a sentence or four random words.";
        var rest = Runs.Append(email?.Split('@')[0] ?? "").Where(r => r.Length > 2)
            .Aggregate(password, (text, run) => text.Replace(run, "", StringComparison.OrdinalIgnoreCase));
        return rest.Length < MinLength / 2 ? "This is made of keyboard rows, common words or your address. Use a sentence or four random words." : null;
    }
}

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Leaks;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Leaks;

/// <summary>
/// <c>scan PATH</c> or <c>scan -</c> on the command line: looks through files and logs for values of ours and for what has the form of a secret. Says in which line and what, never the value; of ours a report is opened.
/// 0 when there is nothing, 1 when something was found, 2 when something could not be read.
/// </summary>
public static class ScanVerb
{
    private const int Piece = 1024 * 1024;

    /// <summary>A line that is longer is looked at in pieces that overlap by so much, which is more than a value's length.</summary>
    private const int Overlap = 16 * 1024;

    private const int ShapeWindow = 64 * 1024;

    private const int MostInAWindow = 50;

    private static readonly Actor Scanner = Actor.Job("scan");

    public static async Task<int> RunAsync(IServiceProvider services, string path, Stream input, TextWriter output, TextWriter error, CancellationToken ct)
    {
        var vault = services.GetRequiredService<SecretVault>();
        if (vault.IsSealed)
        {
            await error.WriteLineAsync($"Nothing can be compared: the vault is sealed. {vault.SealedReason}");
            return 2;
        }
        if (path != "-" && !File.Exists(path) && !Directory.Exists(path))
        {
            await error.WriteLineAsync($"There is no file or directory '{path}'.");
            return 2;
        }
        await using var db = await services.GetRequiredService<IDbContextFactory<AdminDb>>().CreateDbContextAsync(ct);
        var scan = new Scan(services.GetRequiredService<LeakMatcher>(), await LeakMatcher.AllAsync(db, ct), db, services.GetRequiredService<LeakDesk>(), output);
        var unread = 0;
        if (path == "-") await scan.ReadAsync("-", input, ct);
        else
            foreach (var file in Files(path))
            {
                try
                {
                    await using var stream = File.OpenRead(file);
                    await scan.ReadAsync(file, stream, ct);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    unread++;
                    await error.WriteLineAsync($"{file}: cannot be read ({e.GetType().Name}).");
                }
            }
        if (scan.Ours + scan.Shapes > 0)
            await error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"Found: {scan.Ours} of our values, {scan.Shapes} that look like secrets, in {scan.Files} files.{(scan.Ours > 0 ? " Our values are reported; their admins are told." : "")}"));
        else await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"Nothing found in {scan.Files} files, {scan.Bytes} bytes."));
        return unread > 0 ? 2 : scan.Ours + scan.Shapes > 0 ? 1 : 0;
    }

    // Links are not followed: a tree that holds itself would never end.
    private static IEnumerable<string> Files(string path) => File.Exists(path) ? [path]
        : Directory.EnumerateFiles(path, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = false, AttributesToSkip = FileAttributes.ReparsePoint }).Order(StringComparer.Ordinal);

    private sealed class Scan(LeakMatcher matcher, HashSet<string> known, AdminDb db, LeakDesk desk, TextWriter output)
    {
        private readonly HashSet<(string File, Guid Credential, int Version)> _reported = [];

        public int Ours { get; private set; }

        public int Shapes { get; private set; }

        public int Files { get; private set; }

        public long Bytes { get; private set; }

        public async Task ReadAsync(string file, Stream stream, CancellationToken ct)
        {
            Files++;
            var buffer = GC.AllocateUninitializedArray<byte>(Piece + Overlap, pinned: true);
            try
            {
                var (kept, line, binary) = (0, 1, false);
                while (true)
                {
                    var room = Math.Min(Piece, buffer.Length - kept);
                    var n = await stream.ReadAtLeastAsync(buffer.AsMemory(kept, room), room, throwOnEndOfStream: false, ct);
                    Bytes += n;
                    var length = kept + n;
                    var last = n < room;
                    if (line == 1 && kept == 0) binary = buffer.AsSpan(0, Math.Min(length, 8000)).Contains((byte)0);
                    // Up to the end of a line; a line without one is cut, and the pieces overlap.
                    var end = last ? length : buffer.AsSpan(0, length).LastIndexOf((byte)'\n') + 1;
                    var overlaps = end == 0;
                    if (overlaps) end = length;
                    await LookAsync(file, buffer.AsMemory(0, end), line, binary, ct);
                    if (last) return;
                    line += buffer.AsSpan(0, end).Count((byte)'\n');
                    var from = overlaps ? end - Overlap : end;
                    buffer.AsSpan(from, length - from).CopyTo(buffer);
                    kept = length - from;
                }
            }
            finally
            {
                CryptographicOperations.ZeroMemory(buffer);
            }
        }

        private async Task LookAsync(string file, ReadOnlyMemory<byte> text, int firstLine, bool binary, CancellationToken ct)
        {
            var hits = matcher.FingerprintsOf(text.Span, Candidates.MinLength)!.Where(f => known.Contains(f.Key)).ToDictionary(f => f.Key, f => f.Value, StringComparer.Ordinal);
            var lines = new HashSet<int>();
            if (hits.Count > 0)
            {
                foreach (var match in await LeakMatcher.FindAsync(db, hits, ct))
                {
                    var line = firstLine + text.Span[..match.At].Count((byte)'\n');
                    lines.Add(line);
                    var slug = await db.Workspaces.Where(w => w.Id == match.WorkspaceId).Select(w => w.Slug).SingleAsync(ct);
                    if (!_reported.Add((file, match.CredentialId, match.Version))) continue;
                    Ours++;
                    await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{file}:{line}: the credential {match.Name} of {slug}, version {match.Version} ({CheckText.StateOf(match)})"));
                    await ReportAsync(match, string.Create(CultureInfo.InvariantCulture, $"{Name(file)}:{line}"), ct);
                }
            }
            // What is no text has no forms to look for, and neither has a line that was named already.
            if (binary) return;
            foreach (var (line, called) in ShapesIn(text.Span, firstLine))
            {
                if (lines.Contains(line)) continue;
                Shapes++;
                await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{file}:{line}: looks like {called}"));
            }
        }

        // The end of a path says enough, and fits.
        private static string Name(string file) => file.Length > 300 ? "…" + file[^300..] : file;

        private async Task ReportAsync(LeakMatch match, string place, CancellationToken ct)
        {
            await using var write = await db.BeginWriteAsync(ct);
            await desk.OpenAsync(db, Scanner, match.CredentialId, match.Version, new Sighting(LeakSource.Scan, place), ct);
            await write.CommitAsync(ct);
            db.ChangeTracker.Clear();
        }

        private static List<(int Line, string Called)> ShapesIn(ReadOnlySpan<byte> text, int firstLine)
        {
            var found = new List<(int, string)>();
            var line = firstLine;
            foreach (var range in text.Split((byte)'\n'))
            {
                var whole = text[range];
                for (var at = 0; at < whole.Length; at += ShapeWindow - 1024)
                {
                    var window = Encoding.UTF8.GetString(whole.Slice(at, Math.Min(ShapeWindow, whole.Length - at)));
                    for (var (from, count) = (0, 0); count < MostInAWindow && from < window.Length && PlaintextDetector.Find(from == 0 ? window : window[from..]) is { } shape; count++)
                    {
                        if (!found.Contains((line, shape.Called))) found.Add((line, shape.Called));
                        from += shape.Position + Math.Max(1, shape.Length);
                    }
                    if (whole.Length - at <= ShapeWindow) break;
                }
                line++;
            }
            return found;
        }
    }
}

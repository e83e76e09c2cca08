namespace Evose.Admin.Bench;

/// <summary>
/// A model of group commit: calls arrive at random (Poisson), each brings one row to make durable before the value leaves and one row after the upstream's answer; one writer takes what
/// has arrived, calls first, at most 512 rows, and needs one sync and a little per row. Completions go with the next call, or 10 ms later without one. Seeded, so that a run can be
/// repeated. Says how long a call waits for its record.
/// </summary>
internal static class CommitModel
{
    public const int Seed = 20, MostRows = 512, Calls = 200_000;
    public const double UpstreamMs = 200, LagMs = 10;

    /// <summary>Waits in milliseconds, mean rows of a group, and the writer's busy share; not stable when rows come faster than they go.</summary>
    public sealed record Outcome(double P50, double P99, double Rows, double Busy, bool Stable);

    public static Outcome Simulate(int callsPerSecond, double syncMs, double rowMs)
    {
        var random = new Random(Seed);
        var calls = new Queue<double>(Calls);
        var ends = new List<double>(Calls);
        var at = 0.0;
        for (var i = 0; i < Calls; i++)
        {
            at += -Math.Log(1 - random.NextDouble()) * 1000 / callsPerSecond;
            calls.Enqueue(at);
            // As if the call had not waited: the wait is small beside the upstream's time.
            ends.Add(at - (Math.Log(1 - random.NextDouble()) * UpstreamMs));
        }
        var lastCall = at;
        ends.Sort();
        var waits = new List<double>(Calls);
        double now = 0, busy = 0;
        long groups = 0, rows = 0;
        var end = 0;
        while (calls.TryPeek(out var next))
        {
            now = Math.Max(now, end < Calls ? Math.Min(next, ends[end] + LagMs) : next);
            var taken = 0;
            var first = waits.Count;
            for (; taken < MostRows && calls.TryPeek(out var arrived) && arrived <= now; taken++) waits.Add(calls.Dequeue());
            for (; taken < MostRows && end < Calls && ends[end] <= now; taken++) end++;
            var took = syncMs + (taken * rowMs);
            now += took;
            busy += took;
            groups++;
            rows += taken;
            for (var i = first; i < waits.Count; i++) waits[i] = now - waits[i];
        }
        // With room for everything both queues are short when the last call has come; otherwise they grew all the time.
        var waiting = ends.FindIndex(e => e > now) is var until && until < 0 ? Calls - end : until - end;
        var stable = now - lastCall < 2 * (syncMs + (MostRows * rowMs)) && waiting <= 2 * MostRows;
        return new Outcome(Stats.Percentile(waits, 50), Stats.Percentile(waits, 99), (double)rows / groups, busy / now, stable);
    }
}

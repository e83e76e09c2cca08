namespace Evose.Admin.Domain.Notifications;

/// <summary>Where a delivery stands.</summary>
public enum DeliveryState
{
    /// <summary>Waits for its first or next attempt.</summary>
    Pending,

    /// <summary>The receiver took it.</summary>
    Delivered,

    /// <summary>The receiver refused it in a way that trying again does not change.</summary>
    Failed,

    /// <summary>It was tried for as long as the schedule says, or its channel was shut.</summary>
    GivenUp,
}

/// <summary>One notification on its way through one channel: at most one row for both, so a step of a ladder is stamped here, and only when it was delivered.</summary>
public sealed class Delivery
{
    public const int MaxAnswer = 200;

    public Guid Id { get; init; }

    public Guid ChannelId { get; init; }

    /// <summary>Null: a test by hand, which no job sends.</summary>
    public Guid? NotificationId { get; init; }

    /// <summary>The order of the channel's queue: grows by one within the channel, whatever the clock says.</summary>
    public long Number { get; private set; }

    public DeliveryState State { get; private set; }

    public int Attempts { get; private set; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset NextAttemptAt { get; private set; }

    public DateTimeOffset GiveUpAt { get; private set; }

    public DateTimeOffset? LastAttemptAt { get; private set; }

    public DateTimeOffset? FinishedAt { get; private set; }

    /// <summary>The HTTP status of the last answer; null when there was none.</summary>
    public int? LastStatus { get; private set; }

    /// <summary>The beginning of the last answer, or what went wrong; never a value.</summary>
    public string? LastAnswer { get; private set; }

    /// <summary>The message that carried it together with others.</summary>
    public Guid? DigestId { get; private set; }

    public static Delivery Of(Guid id, Guid channel, Guid? notification, long number, DateTimeOffset now) => new()
    {
        Id = id, ChannelId = channel, NotificationId = notification, Number = number, CreatedAt = now, NextAttemptAt = now, GiveUpAt = now + DeliveryPolicy.GiveUpAfter,
    };

    /// <summary>An attempt begins. Counted before anything is sent, so that one that is cut off does not come again at once.</summary>
    public void Begin(Guid? digest, DateTimeOffset now)
    {
        Attempts++;
        (DigestId, LastAttemptAt, NextAttemptAt) = (digest, now, now + DeliveryPolicy.Wait(Attempts));
    }

    /// <summary>How the attempt ended.</summary>
    public void End(SendVerdict verdict, int? status, string answer, DateTimeOffset now)
    {
        (LastStatus, LastAnswer) = (status, answer.Length > MaxAnswer ? answer[..MaxAnswer] : answer);
        State = verdict switch
        {
            SendVerdict.Delivered => DeliveryState.Delivered,
            SendVerdict.Refused or SendVerdict.Gone => DeliveryState.Failed,
            SendVerdict.Retry => NextAttemptAt > GiveUpAt ? DeliveryState.GivenUp : DeliveryState.Pending,
        };
        FinishedAt = State == DeliveryState.Pending ? null : now;
    }

    public void GiveUp(string why, DateTimeOffset now) => (State, LastAnswer, FinishedAt) = (DeliveryState.GivenUp, why, now);

    /// <summary>By hand, once more: at the end of the queue, with the whole schedule before it.</summary>
    public void Again(long number, DateTimeOffset now) =>
        (Number, State, Attempts, NextAttemptAt, GiveUpAt, FinishedAt, DigestId) = (number, DeliveryState.Pending, 0, now, now + DeliveryPolicy.GiveUpAfter, null, null);
}

/// <summary>What a receiver's answer means.</summary>
public enum SendVerdict
{
    /// <summary>Taken.</summary>
    Delivered,

    /// <summary>Not now: down, slow, or too much at once.</summary>
    Retry,

    /// <summary>Not like this: trying again changes nothing.</summary>
    Refused,

    /// <summary>The receiver does not exist any more.</summary>
    Gone,
}

/// <summary>Pure: when a delivery is tried, and how much goes out at once.</summary>
public static class DeliveryPolicy
{
    /// <summary>Waits after the attempts, as the platform does it. The last one is kept up, so that a receiver that is down for days loses nothing.</summary>
    public static readonly IReadOnlyList<TimeSpan> Schedule = [TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2)];

    public static readonly TimeSpan GiveUpAfter = TimeSpan.FromDays(7);

    /// <summary>Longer than one attempt can take.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    /// <summary>A time further ahead than this was set before the clock was put back.</summary>
    public static readonly TimeSpan ClockSlack = TimeSpan.FromHours(3);

    /// <summary>So many messages after a receiver was down; the rest comes as one.</summary>
    public const int AfterOutage = 5;

    public const int MaxDigest = 200;

    public static TimeSpan Wait(int attempts) => Schedule[Math.Clamp(attempts - 1, 0, Schedule.Count - 1)];

    public static bool IsDue(DateTimeOffset next, DateTimeOffset now) => next <= now || next > now + ClockSlack;

    /// <summary>Messages a minute. DingTalk silences a robot for ten minutes that sends more than 20.</summary>
    public static int PerMinute(ChannelKind kind) => kind switch
    {
        ChannelKind.Email => 30,
        ChannelKind.Webhook => 120,
        ChannelKind.Feishu => 60,
        ChannelKind.DingTalk => 20,
        ChannelKind.Slack => 40,
    };

    /// <summary>People read a list; a program wants each event.</summary>
    public static bool Gathers(ChannelKind kind) => kind != ChannelKind.Webhook;

    /// <summary>What goes out next of a channel's queue: nothing, the first, or all of it as one message. The order is the queue's; what waits behind a failed attempt goes on waiting.</summary>
    /// <param name="queue">What is pending, in order.</param>
    /// <param name="lately">Messages sent in the last minute.</param>
    public static IReadOnlyList<Delivery> Next(ChannelKind kind, IReadOnlyList<Delivery> queue, int lately, DateTimeOffset now)
    {
        if (queue.Count == 0 || !IsDue(queue[0].NextAttemptAt, now)) return [];
        var room = PerMinute(kind) - lately;
        if (room <= 0) return [];
        var atOnce = queue[0].Attempts > 0 ? Math.Min(room, AfterOutage) : room;
        return queue.Count > atOnce && Gathers(kind) ? [.. queue.Take(MaxDigest)] : [queue[0]];
    }
}

namespace Evose.Admin.Platform.Brokering;

/// <summary>Sees the head of an upstream's answer before it is passed on: what a site or a provider says about the value that was sent.</summary>
public interface IAnswerWatcher
{
    /// <summary>Called once per call whose answer came, also for an error; the body is not read yet. What is awaited here holds the answer back, so that a rolled session is kept before the caller goes on.</summary>
    ValueTask AnsweredAsync(IReadOnlyList<ChosenVersion> versions, Uri target, HttpResponseMessage answer, CancellationToken ct);
}

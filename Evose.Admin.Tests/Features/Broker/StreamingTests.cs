using System.Net;
using System.Net.Sockets;
using System.Text;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Features.Broker;

/// <summary>The broker holds back nothing in either direction.</summary>
public sealed class StreamingTests
{
    [Fact]
    public async Task An_upload_reaches_the_upstream_while_it_is_still_being_sent()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
#pragma warning disable CA2025 // It is awaited below; when the test fails before that, the process ends.
        var whole = ReceiveAsync(listener, arrived);
#pragma warning restore CA2025
        await using var world = await BrokerWorld.StartAsync(baseUrl: $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        using var caller = world.Caller();
        // The second half is sent only after the upstream has the first.
        using var answer = await caller.PostAsync("/broker/cs/gpt-call/files", new InHalves("first-half|", arrived.Task, "|second-half")).WaitAsync(TimeSpan.FromMinutes(2));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var received = await whole;
        listener.Stop();
        Assert.Contains("first-half|", received);
        Assert.Contains("|second-half", received);
        Assert.Contains("Bearer " + BrokerWorld.Secret, received);
        Assert.Equal(CallOutcome.Succeeded, (await world.CallsAsync(1))[0].End!.Outcome);
    }

    [Fact]
    public async Task A_large_upload_and_a_large_answer_pass_byte_for_byte()
    {
        const int Size = 24 * 1024 * 1024;
        long sum = 0, length = 0;
        await using var upstream = await Upstream.StartRawAsync(async context =>
        {
            var buffer = new byte[64 * 1024];
            int n;
            while ((n = await context.Request.Body.ReadAsync(buffer)) > 0)
            {
                length += n;
                for (var i = 0; i < n; i++) sum += buffer[i];
            }
            context.Response.ContentLength = Size;
            for (var sent = 0; sent < Size; sent += buffer.Length)
            {
                for (var i = 0; i < buffer.Length; i++) buffer[i] = (byte)(sent + i);
                await context.Response.Body.WriteAsync(buffer);
            }
        });
        await using var world = await BrokerWorld.StartAsync(baseUrl: upstream.Url);
        using var caller = world.Caller();
        caller.Timeout = TimeSpan.FromMinutes(3);
        var bytes = new byte[Size];
        for (var i = 0; i < Size; i++) bytes[i] = (byte)(i * 7);
        using var answer = await caller.PostAsync("/broker/cs/gpt-call/files", new ByteArrayContent(bytes));
        var back = await answer.Content.ReadAsByteArrayAsync();
        Assert.Equal((Size, bytes.Sum(b => (long)b)), (length, sum));
        Assert.Equal(Size, back.Length);
        for (var i = 0; i < Size; i += 997) Assert.Equal((byte)i, back[i]);
    }

    private static async Task<string> ReceiveAsync(TcpListener listener, TaskCompletionSource arrived)
    {
        using var socket = await listener.AcceptSocketAsync();
        var text = new StringBuilder();
        var buffer = new byte[8192];
        while (!text.ToString().EndsWith("0\r\n\r\n", StringComparison.Ordinal))
        {
            var n = await socket.ReceiveAsync(buffer);
            if (n == 0) break;
            text.Append(Encoding.ASCII.GetString(buffer, 0, n));
            if (text.ToString().Contains("first-half|", StringComparison.Ordinal)) arrived.TrySetResult();
        }
        await socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"u8.ToArray());
        return text.ToString();
    }

    private sealed class InHalves(string first, Task between, string second) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(first));
            await stream.FlushAsync();
            await between;
            await stream.WriteAsync(Encoding.ASCII.GetBytes(second));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}

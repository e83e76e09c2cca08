using System.Security.Cryptography;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Platform.Vault;

public sealed class HmacTests
{
    [Fact]
    public void Says_what_the_library_says_for_every_length_of_key_and_message()
    {
        foreach (var key in new[] { 0, 1, 31, 32, 33, 63, 64, 65, 200 })
        {
            foreach (var message in new[] { 0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 959, 960, 961, 5000 })
            {
                var (k, m) = (RandomNumberGenerator.GetBytes(key), RandomNumberGenerator.GetBytes(message));
                Assert.Equal(HMACSHA256.HashData(k, m), Hmac.Compute(k, m));
            }
        }
    }

    [Fact]
    public async Task Two_threads_do_not_disturb_each_other()
    {
        byte[][] keys = [RandomNumberGenerator.GetBytes(32), RandomNumberGenerator.GetBytes(32), RandomNumberGenerator.GetBytes(32), RandomNumberGenerator.GetBytes(32)];
        var data = RandomNumberGenerator.GetBytes(100);
        await Parallel.ForEachAsync(keys, (key, _) =>
        {
            var right = HMACSHA256.HashData(key, data);
            for (var i = 0; i < 20_000; i++) Assert.Equal(right, Hmac.Compute(key, data));
            return ValueTask.CompletedTask;
        });
    }
}

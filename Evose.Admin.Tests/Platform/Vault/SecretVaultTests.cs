using System.Text;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Platform.Vault;

public sealed class SecretVaultTests
{
    private static readonly Guid Installation = Kit.Id(1000);

    [Fact]
    public void Is_sealed_until_it_is_unlocked_and_does_nothing()
    {
        using var data = new TempDirectory();
        var vault = new SecretVault(new DataProtectionRoot(data["keys", "root"]));
        Assert.True(vault.IsSealed);
        Assert.NotNull(vault.SealedReason);
        using var value = Plaintext.CopyOf("x"u8);
        Assert.Throws<VaultSealedException>(() => vault.Seal(Kit.Address(), Kit.Fields(("value", "x"))));
        Assert.Throws<VaultSealedException>(() => vault.Open(Kit.Address(), new byte[98], new byte[94], "value"));
        Assert.Throws<VaultSealedException>(() => vault.SealBlob("staged", default, default));
        Assert.Throws<VaultSealedException>(() => vault.OpenBlob("staged", default, new byte[98]));
        Assert.Throws<VaultSealedException>(() => vault.PolicyMac(default));
        Assert.Throws<VaultSealedException>(() => vault.AuditMac(default));
        Assert.Throws<VaultSealedException>(() => vault.ApiKeyHash("evk_"));
        Assert.Throws<VaultSealedException>(() => vault.Fingerprint(value));
        Assert.Throws<VaultSealedException>(() => vault.IssueRecoveryKey(new KeyGeneration()));
        Assert.False(Directory.Exists(data["keys"]));
    }

    [Fact]
    public void What_it_seals_opens_after_a_restart()
    {
        using var data = new TempDirectory();
        var (generation, value) = FirstStart(data);

        var restarted = new SecretVault(new DataProtectionRoot(data["keys", "root"]));
        restarted.Unlock([generation]);
        Assert.False(restarted.IsSealed);
        Assert.Null(restarted.SealedReason);
        Assert.Equal("sk-canary", Kit.Text(restarted.Open(Kit.Address(), value, "value")));
        Assert.Equal("a user", Kit.Text(restarted.Open(Kit.Address(), value, "user")));
    }

    [Fact]
    public void The_first_start_makes_one_key_and_a_row_that_holds_none()
    {
        using var data = new TempDirectory();
        var (generation, _) = FirstStart(data);
        Assert.Single(RingFiles(data));
        Assert.Equal((1, Installation, "data-protection", Kit.Now, false), (generation.Generation, generation.InstallationId, generation.RootId, generation.CreatedAt, generation.RecoveryConfirmed));
        Assert.Equal(8, generation.CheckValue.Length);
        Assert.Null(generation.WrappedByRecovery);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(data["keys", "root"]));
    }

    [Fact]
    public void An_open_vault_is_not_initialised_again()
    {
        using var data = new TempDirectory();
        var vault = new SecretVault(new DataProtectionRoot(data["keys", "root"]));
        vault.Initialize(Installation, Kit.Now);
        Assert.Throws<InvalidOperationException>(() => vault.Initialize(Installation, Kit.Now));
    }

    [Fact]
    public void A_lost_root_seals_makes_no_key_and_the_recovery_key_brings_everything_back() =>
        LoseTheRoot(data => Directory.Delete(data["keys"], recursive: true), keysLeft: 0);

    [Fact]
    public void An_emptied_ring_seals_makes_no_key_and_the_recovery_key_brings_everything_back() =>
        LoseTheRoot(data => RingFiles(data).ForEach(File.Delete), keysLeft: 0);

    [Fact]
    public void A_foreign_ring_seals_makes_no_key_and_the_recovery_key_brings_everything_back() =>
        LoseTheRoot(
            data =>
            {
                RingFiles(data).ForEach(File.Delete);
                new DataProtectionRoot(data["keys", "root"]).Wrap(Kit.MasterKey(9), []);
            },
            keysLeft: 1);

    [Fact]
    public void A_damaged_ring_seals_makes_no_key_and_the_recovery_key_brings_everything_back() =>
        LoseTheRoot(data => RingFiles(data).ForEach(f => File.WriteAllText(f, "<key>")), keysLeft: 1);

    [Fact]
    public void A_ring_whose_key_cannot_be_used_seals_and_the_recovery_key_brings_everything_back() =>
        LoseTheRoot(data => RingFiles(data).ForEach(f => File.WriteAllText(f, File.ReadAllText(f).Replace("<value>", "<value>!"))), keysLeft: 1);

    [Fact]
    public void A_root_that_cannot_be_written_seals_with_its_reason()
    {
        using var data = new TempDirectory();
        File.WriteAllText(data["keys"], "a file where the directory should be");
        var vault = new SecretVault(new DataProtectionRoot(data["keys", "root"]));
        Assert.Throws<VaultSealedException>(() => vault.Initialize(Installation, Kit.Now));
        Assert.Contains("cannot be written", vault.SealedReason);

        using var elsewhere = new TempDirectory();
        var first = new SecretVault(new DataProtectionRoot(elsewhere["keys", "root"]));
        var (generation, key) = first.IssueRecoveryKey(first.Initialize(Installation, Kit.Now));
        var before = generation.WrappedByRoot;
        Assert.Null(vault.TryUnseal(key.ShowOnce(), [generation]));
        Assert.Contains("cannot be written", vault.SealedReason);
        Assert.Same(before, generation.WrappedByRoot);
    }

    [Fact]
    public void A_root_that_forgets_what_it_wrapped_is_found_out_before_anything_is_stored()
    {
        var vault = new SecretVault(new ForgetfulRoot());
        Assert.Throws<VaultSealedException>(() => vault.Initialize(Installation, Kit.Now));
        Assert.Contains("just wrapped", vault.SealedReason);
    }

    [Fact]
    public void Rows_of_another_installation_seal_and_make_no_key()
    {
        using var data = new TempDirectory();
        using var other = new TempDirectory();
        FirstStart(data);
        var (foreign, _) = FirstStart(other);
        AssertSealed(data, [foreign], keys: 1);
    }

    [Fact]
    public void A_row_that_was_changed_seals()
    {
        using var data = new TempDirectory();
        var (generation, _) = FirstStart(data);
        foreach (var damaged in new[] { 0, 100, generation.WrappedByRoot.Length * 8 - 1 })
            AssertSealed(data, [Copy(generation, g => g.WrappedByRoot = Kit.Flip(g.WrappedByRoot, damaged))], keys: 1);
        AssertSealed(data, [Copy(generation, g => g.WrappedByRoot = [])], keys: 1);
        AssertSealed(data, [Copy(generation, g => g.InstallationId = Kit.Id(1001))], keys: 1);
        AssertSealed(data, [Copy(generation, g => g.Generation = 2)], keys: 1);
        AssertSealed(data, [Copy(generation, g => g.Generation = 0)], keys: 1);
        AssertSealed(data, [Copy(generation, g => g.CheckValue = Kit.Flip(g.CheckValue, 3))], keys: 1);
        AssertSealed(data, [Copy(generation, g => g.CheckValue = [])], keys: 1);
        AssertSealed(data, [generation, generation], keys: 1);
        AssertSealed(data, [generation, Copy(generation, g => (g.Generation, g.InstallationId) = (2, Kit.Id(1001)))], keys: 1);
        AssertSealed(data, [], keys: 1);
    }

    [Fact]
    public void One_generation_that_does_not_unwrap_seals_all()
    {
        using var data = new TempDirectory();
        var (generation, _) = FirstStart(data);
        AssertSealed(data, [generation, Copy(generation, g => g.Generation = 2)], keys: 1);
    }

    [Fact]
    public void A_failed_unlock_seals_a_vault_that_was_open()
    {
        using var data = new TempDirectory();
        var vault = new SecretVault(new DataProtectionRoot(data["keys", "root"]));
        var generation = vault.Initialize(Installation, Kit.Now);
        vault.Unlock([Copy(generation, g => g.CheckValue = [])]);
        Assert.True(vault.IsSealed);
        vault.Unlock([generation]);
        Assert.False(vault.IsSealed);
    }

    [Fact]
    public void The_reason_names_the_root_that_wrapped_when_another_is_configured()
    {
        using var data = new TempDirectory();
        var (generation, _) = FirstStart(data);
        var vault = new SecretVault(SecretKeyRoot.FromText(Kit.SecretKey));
        vault.Unlock([generation]);
        Assert.Contains("'data-protection'", vault.SealedReason);
        Assert.Contains("'secret-key'", vault.SealedReason);
    }

    [Fact]
    public void A_recovery_key_changes_nothing_when_it_does_not_fit()
    {
        using var data = new TempDirectory();
        using var other = new TempDirectory();
        var (generation, _) = FirstStart(data);
        var before = generation.WrappedByRoot;
        var elsewhere = new SecretVault(new DataProtectionRoot(other["keys", "root"]));
        var wrongText = elsewhere.IssueRecoveryKey(elsewhere.Initialize(Installation, Kit.Now)).Key.ShowOnce();
        new SecretVault(new DataProtectionRoot(data["keys", "root"])).Unlock([generation]);
        Directory.Delete(data["keys"], recursive: true);

        var vault = new SecretVault(new DataProtectionRoot(data["keys", "root"]));
        vault.Unlock([generation]);
        foreach (var text in new[] { wrongText, "", "nonsense", new string('0', 55) }) Assert.Null(vault.TryUnseal(text, [generation]));
        Assert.True(vault.IsSealed);
        Assert.Same(before, generation.WrappedByRoot);
        Assert.False(Directory.Exists(data["keys"]));
    }

    [Fact]
    public void A_new_recovery_key_ends_the_earlier_one()
    {
        using var data = new TempDirectory();
        var vault = new SecretVault(new DataProtectionRoot(data["keys", "root"]));
        var generation = vault.Initialize(Installation, Kit.Now);
        var first = vault.IssueRecoveryKey(generation).Key.ShowOnce();
        generation.RecoveryConfirmed = true;
        var (updated, key) = vault.IssueRecoveryKey(generation);
        Assert.False(updated.RecoveryConfirmed);
        Assert.Null(vault.TryUnseal(first, [updated]));
        Assert.NotNull(vault.TryUnseal(key.ShowOnce(), [updated]));
    }

    [Fact]
    public void Old_generations_open_and_the_newest_seals()
    {
        var old = Kit.OpenVault(null, 1);
        var value = old.Seal(Kit.Address(), Kit.Fields(("value", "old")));
        var blob = old.SealBlob("staged", [1], "old"u8);
        var both = Kit.OpenVault(null, 1, 2);
        Assert.Equal("old", Kit.Text(both.Open(Kit.Address(), value, "value")));
        Assert.Equal("old", Kit.Text(both.OpenBlob("staged", [1], blob)));
        Assert.Equal(old.PolicyMac([1]), both.PolicyMac([1], generation: 1));
        Assert.NotEqual(old.PolicyMac([1]), both.PolicyMac([1]));
        Assert.Equal(2, both.CurrentGeneration);
        var fresh = both.Seal(Kit.Address(), Kit.Fields(("value", "new")));
        Assert.Throws<IntegrityException>(() => old.Open(Kit.Address(), fresh, "value"));
    }

    [Fact]
    public void One_recovery_key_opens_every_generation()
    {
        var root = SecretKeyRoot.FromText(Kit.SecretKey);
        var keys = new Dictionary<int, byte[]> { [1] = Kit.MasterKey(1), [2] = Kit.MasterKey(2) };
        var vault = new SecretVault(root, new MasterKeyRing(Installation, keys));
        var generations = keys.Select(k => new KeyGeneration { Generation = k.Key, InstallationId = Installation, RootId = root.Id, CheckValue = MasterKeyRing.CheckValue(k.Value) }).ToList();
        var value = vault.Seal(Kit.Address(), Kit.Fields(("value", "x")));
        var text = vault.IssueRecoveryKey(generations).ShowOnce();

        var elsewhere = new SecretVault(SecretKeyRoot.FromText(Kit.OtherSecretKey));
        Assert.Same(generations[1], elsewhere.TryUnseal(text, generations));
        Assert.Equal("x", Kit.Text(elsewhere.Open(Kit.Address(), value, "value")));
        var restarted = new SecretVault(SecretKeyRoot.FromText(Kit.OtherSecretKey));
        restarted.Unlock(generations);
        Assert.Null(restarted.SealedReason);
    }

    [Fact]
    public void The_next_master_key_is_opened_by_the_same_paper_and_the_root()
    {
        var vault = new SecretVault(SecretKeyRoot.FromText(Kit.SecretKey));
        var (first, paper) = vault.IssueRecoveryKey(vault.Initialize(Installation, Kit.Now));
        var text = paper.ShowOnce();
        var old = vault.Seal(Kit.Address(), Kit.Fields(("value", "old")));
        var second = vault.NextGeneration([first], Kit.Now.AddDays(1));
        Assert.Equal(1, vault.CurrentGeneration);
        Assert.True(vault.Renew([first, second], 1));
        Assert.Equal((1, 2), (vault.CurrentGeneration, vault.NewestGeneration));
        Assert.True(vault.Renew([first, second], 2));
        var fresh = vault.Seal(Kit.Address(), Kit.Fields(("value", "new")));
        var third = vault.NextGeneration([first, second], Kit.Now.AddDays(2));

        var elsewhere = new SecretVault(SecretKeyRoot.FromText(Kit.OtherSecretKey));
        Assert.Same(third, elsewhere.TryUnseal(text, [first, second, third]));
        Assert.Equal("old", Kit.Text(elsewhere.Open(Kit.Address(), old, "value")));
        Assert.Equal("new", Kit.Text(elsewhere.Open(Kit.Address(), fresh, "value")));
        var restarted = new SecretVault(SecretKeyRoot.FromText(Kit.OtherSecretKey));
        restarted.Unlock([first, second, third]);
        Assert.Null(restarted.SealedReason);
    }

    [Fact]
    public void A_master_key_is_never_wrapped_to_a_recovery_key_that_is_not_ours()
    {
        var vault = new SecretVault(SecretKeyRoot.FromText(Kit.SecretKey));
        var (first, _) = vault.IssueRecoveryKey(vault.Initialize(Installation, Kit.Now));
        using var theirs = RecoveryKey.Generate();
        first.WrappedByRecovery = theirs.Wrap(Kit.MasterKey(7), EnvelopeCipher.MasterContext(Installation, 1));
        Assert.Throws<IntegrityException>(() => vault.NextGeneration([first], Kit.Now));
    }

    [Fact]
    public void No_damaged_wrapping_for_the_recovery_key_opens()
    {
        using var key = RecoveryKey.Generate();
        var context = EnvelopeCipher.MasterContext(Installation, 1);
        var wrapped = key.Wrap(Kit.MasterKey(1), context);
        var opened = new byte[EnvelopeCipher.KeySize];
        Assert.True(key.TryUnwrap(wrapped, context, opened));
        Assert.Equal(Kit.MasterKey(1), opened);
        foreach (var damaged in Kit.Damaged(wrapped))
        {
            Assert.False(key.TryUnwrap(damaged, context, opened));
            Assert.All(opened, b => Assert.Equal(0, b));
        }
    }

    [Fact]
    public void A_data_key_wrapped_anew_opens_the_same_value_and_only_once()
    {
        var value = Kit.OpenVault(null, 1).Seal(Kit.Address(), Kit.Fields(("value", "x")));
        var both = Kit.OpenVault(null, 1, 2);
        var rewrapped = both.RewrapKey(Kit.Address(), value.WrappedKey);
        Assert.Equal(2, SecretVault.GenerationOf(rewrapped));
        Assert.Equal("x", Kit.Text(both.Open(Kit.Address(), value with { WrappedKey = rewrapped! }, "value")));
        Assert.Equal("x", Kit.Text(both.Open(Kit.Address(), value, "value")));
        Assert.Null(both.RewrapKey(Kit.Address(), rewrapped));
        Assert.Throws<IntegrityException>(() => both.RewrapKey(Kit.Address(version: 2), value.WrappedKey));
        Assert.Throws<IntegrityException>(() => Kit.OpenVault(null, 1).Open(Kit.Address(), rewrapped, value.Fields["value"], "value"));
    }

    [Fact]
    public void What_names_an_unknown_master_key_makes_the_vault_look_once()
    {
        var (first, second) = (Generation(1), Generation(2));
        var vault = new SecretVault(SecretKeyRoot.FromText(Kit.SecretKey));
        vault.Unlock([first]);
        var asked = 0;
        vault.LearnFrom(() =>
        {
            asked++;
            return [first, second];
        });
        var ahead = Kit.OpenVault(null, 1, 2);
        Assert.Equal("x", Kit.Text(vault.OpenBlob("staged", [1], ahead.SealBlob("staged", [1], "x"u8))));
        Assert.Equal((1, 1, 2), (asked, vault.CurrentGeneration, vault.NewestGeneration));
        Assert.True(HeadSeal.IsGenuine(vault, [1, 2], ahead.AuditMac([1, 2])));
        // Made-up numbers do not make it ask on and on.
        for (var i = 0; i < 100; i++) Assert.Throws<IntegrityException>(() => vault.OpenBlob("staged", [1], Kit.OpenVault(null, 1, 2, 3).SealBlob("staged", [1], "x"u8)));
        Assert.InRange(asked, 1, 3);
    }

    [Fact]
    public async Task Those_who_come_while_one_looks_for_a_master_key_wait_for_what_it_finds()
    {
        var vault = new SecretVault(SecretKeyRoot.FromText(Kit.SecretKey));
        vault.Unlock([Generation(1)]);
        using var looking = new ManualResetEventSlim();
        using var found = new ManualResetEventSlim();
        var asked = 0;
        vault.LearnFrom(() =>
        {
            Interlocked.Increment(ref asked);
            looking.Set();
            found.Wait(TimeSpan.FromMinutes(1));
            return [Generation(1), Generation(2)];
        });
        var mac = Kit.OpenVault(null, 1, 2).AuditMac([1, 2]);
        var first = Task.Run(() => HeadSeal.IsGenuine(vault, [1, 2], mac), TestContext.Current.CancellationToken);
        looking.Wait(TestContext.Current.CancellationToken);
        var others = Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(() => HeadSeal.IsGenuine(vault, [1, 2], mac), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToList();
        await Task.Delay(50, TestContext.Current.CancellationToken);
        found.Set();
        Assert.All(await Task.WhenAll([first, .. others]), Assert.True);
        Assert.Equal(1, asked);
        // Nothing newer than what was tried: within the same second nobody asks again.
        Assert.False(vault.Learn(2));
    }

    private static KeyGeneration Generation(int n) => new()
    {
        Generation = n, InstallationId = Kit.Id(1000), RootId = "secret-key", CheckValue = MasterKeyRing.CheckValue(Kit.MasterKey(n)),
        WrappedByRoot = SecretKeyRoot.FromText(Kit.SecretKey).Wrap(Kit.MasterKey(n), EnvelopeCipher.MasterContext(Kit.Id(1000), n)),
    };

    [Fact]
    public void A_field_that_is_gone_is_damage()
    {
        var vault = Kit.OpenVault();
        var value = vault.Seal(Kit.Address(), Kit.Fields(("value", "x")));
        Assert.Throws<IntegrityException>(() => vault.Open(Kit.Address(), value, "user"));
    }

    [Fact]
    public void A_version_has_1_to_64_fields()
    {
        var vault = Kit.OpenVault();
        Assert.Throws<ArgumentException>(() => vault.Seal(Kit.Address(), Kit.Fields()));
        Assert.Throws<ArgumentException>(() => vault.Seal(Kit.Address(), Kit.Fields([.. Enumerable.Range(0, 65).Select(i => ("f" + i, "x"))])));
        var most = vault.Seal(Kit.Address(), Kit.Fields([.. Enumerable.Range(0, 64).Select(i => ("f" + i, "x" + i))]));
        for (var i = 0; i < 64; i++) Assert.Equal("x" + i, Kit.Text(vault.Open(Kit.Address(), most, "f" + i)));
        Assert.Equal(65, most.Fields.Values.Select(f => Convert.ToHexString(f.AsSpan(2, 12))).Append(Convert.ToHexString(most.WrappedKey.AsSpan(6, 12))).Distinct().Count());
    }

    [Fact]
    public void Messages_hold_nothing_of_what_was_given()
    {
        var vault = Kit.OpenVault();
        var value = vault.Seal(Kit.Address(), Kit.Fields(("value", "sk-canary")));
        var error = Assert.Throws<IntegrityException>(() => vault.Open(Kit.Address(version: 2), value, "value"));
        Assert.Equal("Stored ciphertext failed its integrity check.", error.Message);
        Assert.Null(error.InnerException);
        Assert.Empty(error.Data);
    }

    [Fact]
    public void Macs_and_hashes_differ_by_use_installation_and_input()
    {
        var (here, there) = (Kit.OpenVault(), Kit.OpenVault(Kit.Id(1001)));
        using var value = Plaintext.CopyOf("abc"u8);
        using var other = Plaintext.CopyOf("abd"u8);
        var all = new[]
        {
            here.PolicyMac("abc"u8), here.AuditMac("abc"u8), here.ApiKeyHash("abc"), Convert.FromHexString(here.Fingerprint(value)), Convert.FromHexString(here.Fingerprint(other)),
            there.PolicyMac("abc"u8), there.AuditMac("abc"u8), there.ApiKeyHash("abc"), Convert.FromHexString(there.Fingerprint(value)),
        };
        Assert.Equal(all.Length, all.Select(a => Convert.ToHexString(a.AsSpan(0, 16))).Distinct().Count());
        Assert.Equal(here.PolicyMac("abc"u8), here.PolicyMac("abc"u8));
        Assert.Equal(32, here.Fingerprint(value).Length);
        Assert.Equal(here.Fingerprint(value).ToLowerInvariant(), here.Fingerprint(value));
        Assert.Equal(here.ApiKeyHash(new string('a', 5000)), here.ApiKeyHash(new string('a', 5000)));
    }

    [Fact]
    public void Eight_threads_never_get_a_wrong_value_or_an_exception()
    {
        var vault = Kit.OpenVault(null, 1, 2);
        var stored = Enumerable.Range(0, 64).Select(i =>
        {
            var (address, text) = (Kit.Address(i % 4, i, 1 + i % 3), $"sk-canary-{i}-" + new string('x', i));
            return (Address: address, Text: Encoding.UTF8.GetBytes(text), Value: vault.Seal(address, Kit.Fields(("value", text))));
        }).ToArray();

        long wrong = 0, done = 0;
        var errors = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        var threads = Enumerable.Range(0, 8).Select(t => new Thread(() =>
        {
            try
            {
                for (var i = 0; i < 100_000; i++)
                {
                    var (address, text, value) = stored[(i * 7 + t) % stored.Length];
                    using (var opened = vault.Open(address, value, "value"))
                        if (!opened.Bytes.SequenceEqual(text)) Interlocked.Increment(ref wrong);
                    if (i % 4 == 0)
                    {
                        using var plain = Plaintext.CopyOf(text);
                        var resealed = vault.Seal(address, new Dictionary<string, Plaintext> { ["value"] = plain });
                        using var again = vault.Open(address, resealed, "value");
                        if (!again.Bytes.SequenceEqual(text)) Interlocked.Increment(ref wrong);
                    }

                    Interlocked.Increment(ref done);
                }
            }
            catch (Exception e)
            {
                errors.Enqueue(e);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Assert.Empty(errors);
        Assert.Equal((800_000, 0), (done, wrong));
    }

    private static (KeyGeneration Generation, SealedValue Value) FirstStart(TempDirectory data)
    {
        var vault = new SecretVault(new DataProtectionRoot(data["keys", "root"]));
        var generation = vault.Initialize(Installation, Kit.Now);
        return (generation, vault.Seal(Kit.Address(), Kit.Fields(("value", "sk-canary"), ("user", "a user"))));
    }

    private static void LoseTheRoot(Action<TempDirectory> lose, int keysLeft)
    {
        using var data = new TempDirectory();
        var first = new SecretVault(new DataProtectionRoot(data["keys", "root"]));
        var (generation, key) = first.IssueRecoveryKey(first.Initialize(Installation, Kit.Now));
        var value = first.Seal(Kit.Address(), Kit.Fields(("value", "sk-canary")));
        var blob = first.SealBlob("staged", [1], "staged"u8);
        var mac = first.PolicyMac([1, 2, 3]);
        var text = key.ShowOnce();

        lose(data);
        AssertSealed(data, [generation], keysLeft);

        var vault = new SecretVault(new DataProtectionRoot(data["keys", "root"]));
        vault.Unlock([generation]);
        var updated = vault.TryUnseal(text.ToLowerInvariant().Replace('-', ' '), [generation]);
        Assert.NotNull(updated);
        Assert.Null(vault.SealedReason);
        AssertIntact(vault);

        var restarted = new SecretVault(new DataProtectionRoot(data["keys", "root"]));
        restarted.Unlock([updated]);
        Assert.Null(restarted.SealedReason);
        AssertIntact(restarted);

        void AssertIntact(SecretVault open)
        {
            Assert.Equal("sk-canary", Kit.Text(open.Open(Kit.Address(), value, "value")));
            Assert.Equal("staged", Kit.Text(open.OpenBlob("staged", [1], blob)));
            Assert.Equal(mac, open.PolicyMac([1, 2, 3]));
        }
    }

    private static void AssertSealed(TempDirectory data, IReadOnlyList<KeyGeneration> generations, int keys)
    {
        var vault = new SecretVault(new DataProtectionRoot(data["keys", "root"]));
        vault.Unlock(generations);
        Assert.True(vault.IsSealed);
        Assert.False(string.IsNullOrWhiteSpace(vault.SealedReason));
        Assert.Throws<VaultSealedException>(() => vault.Seal(Kit.Address(), Kit.Fields(("value", "x"))));
        Assert.Equal(keys, RingFiles(data).Count);
    }

    private static List<string> RingFiles(TempDirectory data) =>
        Directory.Exists(data["keys", "root"]) ? [.. Directory.EnumerateFiles(data["keys", "root"])] : [];

    private static KeyGeneration Copy(KeyGeneration g, Action<KeyGeneration> change)
    {
        var copy = new KeyGeneration
        {
            Generation = g.Generation,
            InstallationId = g.InstallationId,
            RootId = g.RootId,
            WrappedByRoot = g.WrappedByRoot,
            WrappedByRecovery = g.WrappedByRecovery,
            CheckValue = g.CheckValue,
            CreatedAt = g.CreatedAt,
            RecoveryConfirmed = g.RecoveryConfirmed,
        };
        change(copy);
        return copy;
    }

    private sealed class ForgetfulRoot : IRootKey
    {
        public string Id => "forgetful";

        public string? Fault => null;

        public byte[] Wrap(ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> aad) => new byte[32];

        public bool TryUnwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> aad, Span<byte> masterKey, [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out string? reason)
        {
            reason = null;
            masterKey.Clear();
            return true;
        }

        public bool IsStale(ReadOnlySpan<byte> wrapped) => false;
    }
}

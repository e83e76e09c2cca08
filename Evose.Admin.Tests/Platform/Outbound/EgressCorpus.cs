namespace Evose.Admin.Tests.Platform.Outbound;

/// <summary>X-02: URLs that must never lead to a connection; <c>{p}</c> is the trap's port. Every name in them resolves to loopback.</summary>
internal static class EgressCorpus
{
    private static readonly string[] LoopbackHosts =
    [
        // dotted, short, decimal, octal, hexadecimal, mixed, padded, overflowing
        "127.0.0.1", "127.0.0.2", "127.255.255.254", "127.1", "127.0.1", "2130706433", "017700000001", "0x7f000001", "0x7F.0x0.0x0.0x1", "0x7f.1", "0x7f.0.1",
        "0177.0.0.1", "0177.0.0.01", "0177.1", "00000177.0.0.1", "127.0x1", "127.0.0x0.1", "0x7f.0.0.01", "127.0.01", "127.00.00.01", "0x0000007f.0.0.1",
        "4294967295", "4294967296", "4294967297", "6425673729", "256.256.256.256", "127.0.0.256", "127.0.0.1.1", "1.127.0.0.1", "0x7f.0.0.0x1ff", "0", "0.0.0.0", "0x0", "00", "1",
        // unicode digits and dots
        "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "②①③⓪⑦⓪⑥④③③", "２１３０７０６４３３", "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "𝟙𝟚𝟟.𝟘.𝟘.𝟙", "０x7f000001", "127.0.0.①", "¹²⁷.0.0.1", "১২৭.0.0.1",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "ｌｏｃａｌｈｏｓｔ", "LOCALHOST", "loc\u00adalhost", "local\u200bhost",
        // names of this machine
        "localhost", "localhost.", "localhost..", "LocalHost.", "foo.localhost", "a.b.localhost.", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback",
        "127.0.0.1.", "127.0.0.1..", "0x7f.1.", "2130706433.", "[::1].",
        // IPv6
        "[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0001]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:127.0.0.1]", "[0:0:0:0:0:ffff:127.0.0.1]",
        "[::127.0.0.1]", "[::7f00:1]", "[::ffff:0:127.0.0.1]", "[::ffff:0.0.0.0]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]", "[2002:7f00:0001::1]", "[2001:0:7f00:1::]", "[2001:0:0:0:0:0:80ff:fffe]", "[::1%25lo]", "[::1%lo]", "[::1%251]", "[fe80::1%25eth0]", "[fe80::1%1]",
        "[::1", "::1", "[[::1]]", "[::1]]", "[127.0.0.1]", "[localhost]",
    ];

    private static readonly string[] PrivateHosts =
    [
        "10.0.0.1", "10.255.255.254", "0xa.0.0.1", "012.0.0.1", "167772161", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.1.254", "0xc0a80001", "3232235521", "192.168.257",
        "100.64.0.1", "198.18.0.1", "192.0.0.8", "192.0.2.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "[fc00::1]", "[fd12:3456::1]", "[fe80::1]", "[fec0::1]", "[ff02::1]", "[ff02::fb]", "[::ffff:10.0.0.1]", "[::ffff:192.168.0.1]", "[::10.0.0.1]", "[64:ff9b::10.0.0.1]", "[2002:a00:1::]",
        "[2001:db8::1]", "[100::1]", "[2001::1]",
        // public literals too: an address is no name
        "8.8.8.8", "134744072", "[2606:4700:4700::1111]", "[64:ff9b::8.8.8.8]",
    ];

    private static readonly string[] MetadataHosts =
    [
        "169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.43518", "0xa9.0xfe.0xa9.0xfe", "①⑥⑨.②⑤④.①⑥⑨.②⑤④", "169。254。169。254", "169.254.169.254.",
        "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[fd00:ec2::254]", "[fd00:0ec2:0:0:0:0:0:254]",
        "[fd20:ce::254]", "[fe80::a9fe:a9fe]", "100.100.100.200", "168.63.129.16", "192.0.0.192", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "169.254.42.42", "169.254.0.23",
        "metadata.google.internal", "metadata.google.internal.", "metadata", "metadata.goog", "instance-data", "instance-data.ec2.internal", "metadata.azure.internal", "metadata.tencentyun.com",
        "metadata.platformequinix.com", "metadata.packet.net", "rancher-metadata", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
    ];

    private static readonly string[] NamesToLoopback =
    [
        "127.0.0.1.nip.io", "localtest.me", "lvh.me", "spoofed.burpcollaborator.net", "rebind.network", "evil.test", "a.evil.test", "xn--nxasmq6b.test", "my_host.test", "host.docker.internal",
        "router.local", "printer.lan", "db.internal", "intranet", "crm", "wpad", "a.b.c.d.e.f.test",
        // homographs
        "аррӏе.com", "аpple.com", "xn--pple-43d.com", "xn--80ak6aa92e.com", "оpenai.com", "openаi.com", "api.οpenai.com", "gооgle.com", "pаypal.com", "xn--zzzzzzz.com", "xn--a.com", "xn--.com", "exаmple。com", "ⓔxample.com", "ⓐpi.example.com", "faß.test",
    ];

    private static readonly string[] Tricks =
    [
        "https://api.openai.com@127.0.0.1:{p}/", "https://api.openai.com:443@127.0.0.1:{p}/", "https://127.0.0.1:{p}@127.0.0.1:{p}/", "https://user:pass@evil.test:{p}/", "https://user@evil.test:{p}/", "https://:@127.0.0.1:{p}/",
        "https://@127.0.0.1:{p}/", "https://api.openai.com%40127.0.0.1:{p}/", "https://api.openai.com%2f@127.0.0.1:{p}/", "https://127.0.0.1:{p}%2f@api.openai.com:{p}/", "https://a@b@127.0.0.1:{p}/",
        "https://evil.test:{p}/#@api.openai.com/", "https://127.0.0.1:{p}#api.openai.com", "https://127.0.0.1:{p}/#", "https://127.0.0.1:{p}?api.openai.com", "https://127.0.0.1:{p}/?@api.openai.com/",
        "https://127.0.0.1:{p}\\@api.openai.com/", "https://api.openai.com\\@127.0.0.1:{p}/", "https:\\\\127.0.0.1:{p}\\", "https:/\\127.0.0.1:{p}/", "https:\\/127.0.0.1:{p}/", "https://evil.test:{p}\\.api.openai.com/",
        "https://127.0.0.1%00.api.openai.com:{p}/", "https://127.0.0.1:{p}%00/", "https://api.openai.com\0.127.0.0.1:{p}/", "https://127.0.0.1:{p}/\0", "https://127.0.0.1\t:{p}/", "https://127.0.0.1:{p}\r\n/", "https://evil.test:{p}/a\r\nX: y", "https://evil.test:{p}/\t",
        "https://127.0.0.1%2eapi.com:{p}/", "https://%31%32%37.0.0.1:{p}/", "https://127%2e0%2e0%2e1:{p}/", "https://127.0.0.1 :{p}/", " https://127.0.0.1:{p}/ ", "https:///127.0.0.1:{p}/", "https:////127.0.0.1:{p}/", "https:127.0.0.1:{p}/", "//127.0.0.1:{p}/", "127.0.0.1:{p}",
        "https://127.0.0.1:0{p}/", "https://127.0.0.1:+{p}/", "https://127.0.0.1:{p}:{p}/", "https://127.0.0.1::{p}/", "https://127.0.0.1,evil.test:{p}/", "https://{127.0.0.1}:{p}/", "https://127.0.0.1;evil.test:{p}/", "https://$127.0.0.1:{p}/", "https://*.evil.test:{p}/", "https://evil..test:{p}/", "https://.evil.test:{p}/", "https://-evil.test:{p}/",
        "HTTPS://127.0.0.1:{p}/", "hTTp://127.0.0.1:{p}/", "http://127.0.0.1:{p}/", "http://evil.test:{p}/", "http://localhost:{p}/", "http://[::1]:{p}/", "http://metadata.google.internal:{p}/computeMetadata/v1/", "http://169.254.169.254:{p}/latest/meta-data/",
        "gopher://127.0.0.1:{p}/_GET", "gopher://evil.test:{p}/", "file:///etc/passwd", "file://127.0.0.1:{p}/etc/passwd", "file://localhost/etc/passwd", "ftp://127.0.0.1:{p}/", "dict://127.0.0.1:{p}/info", "ldap://127.0.0.1:{p}/", "jar:https://127.0.0.1:{p}!/",
        "ws://127.0.0.1:{p}/", "wss://127.0.0.1:{p}/", "ws://evil.test:{p}/", "wss://evil.test:{p}/", "net.tcp://127.0.0.1:{p}/", "data:text/plain,x", "javascript:alert(1)", "unix:///var/run/docker.sock", "netdoc:///etc/passwd", "sftp://127.0.0.1:{p}/", "tftp://127.0.0.1:{p}/", "view-source:https://127.0.0.1:{p}/", "blob:https://127.0.0.1:{p}/",
    ];

    public static List<string> Urls(int port)
    {
        var at = $":{port}";
        return
        [
            .. LoopbackHosts.Concat(PrivateHosts).Concat(MetadataHosts).Concat(NamesToLoopback).Select(h => $"https://{h}{at}/latest/meta-data/"),
            .. Tricks.Select(t => t.Replace("{p}", port.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal)),
        ];
    }
}

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Evose.Admin.Platform.Ledger;

/// <summary>Makes what was written into a file durable, but not its time of change: the framework's own sync does that too, and where the file system has a journal, each such sync is a commit of it.</summary>
internal static class FileSync
{
    private const int Interrupted = 4;

    /// <summary>For a file whose length has not changed since it was synced whole.</summary>
    /// <exception cref="IOException">Nobody knows what of it is on the disk.</exception>
    public static void Data(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
            return;
        }
        while (DataSync(file) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted) throw new IOException(Marshal.GetPInvokeErrorMessage(error));
        }
    }

    [DllImport("libc", EntryPoint = "fdatasync", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int DataSync(SafeFileHandle file);
}

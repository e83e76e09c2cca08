using MudBlazor;

namespace Evose.Admin.UI;

/// <summary>Colour, type and density of every page, light and dark.</summary>
public static class Theme
{
    private static readonly string[] Fonts = ["Inter", "system-ui", "-apple-system", "Segoe UI", "Roboto", "PingFang SC", "Microsoft YaHei", "Noto Sans SC", "Noto Sans CJK SC", "sans-serif"];

    public static readonly MudTheme Evose = new()
    {
        PaletteLight = new PaletteLight
        {
            Primary = "#3949ab",
            Secondary = "#00796b",
            Tertiary = "#6d4c41",
            Background = "#f6f7fb",
            Surface = "#ffffff",
            AppbarBackground = "#ffffff",
            AppbarText = "#1b1f3b",
            DrawerBackground = "#ffffff",
            DrawerText = "#2b2f4a",
            DrawerIcon = "#5b6080",
            TextPrimary = "#1b1f3b",
            TextSecondary = "#555a75",
            Divider = "#e4e6f0",
            LinesDefault = "#e4e6f0",
            TableLines = "#e9ebf3",
            Success = "#1b7f3b",
            Warning = "#a15c00",
            Error = "#b3261e",
            Info = "#1565c0",
        },
        PaletteDark = new PaletteDark
        {
            Primary = "#9fa8ff",
            PrimaryContrastText = "#12142a",
            Secondary = "#5fd0c0",
            SecondaryContrastText = "#06201c",
            Background = "#10121c",
            BackgroundGray = "#161926",
            Surface = "#181b2a",
            AppbarBackground = "#141725",
            AppbarText = "#e7e9f6",
            DrawerBackground = "#141725",
            DrawerText = "#cfd3ea",
            DrawerIcon = "#9aa0c4",
            TextPrimary = "#e7e9f6",
            TextSecondary = "#a9aecb",
            Divider = "#2a2f45",
            LinesDefault = "#2a2f45",
            TableLines = "#262b40",
            Success = "#6bd48c",
            Warning = "#f2b861",
            Error = "#ff8a80",
            Info = "#7fb7ff",
        },
        LayoutProperties = new LayoutProperties { DefaultBorderRadius = "8px", DrawerWidthLeft = "236px", AppbarHeight = "56px" },
        Typography = new Typography
        {
            Default = new DefaultTypography { FontFamily = Fonts, FontSize = ".9rem" },
            H4 = new H4Typography { FontSize = "1.5rem", FontWeight = "650", LineHeight = "1.3" },
            H5 = new H5Typography { FontSize = "1.15rem", FontWeight = "650" },
            H6 = new H6Typography { FontSize = "1rem", FontWeight = "650" },
            Button = new ButtonTypography { TextTransform = "none", FontWeight = "600", LetterSpacing = "0" },
        },
    };
}

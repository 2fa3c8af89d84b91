"""One look for all tabs: fonts, colours, the style sheet. Gradio is imported where it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SANS = "'IBM Plex Sans', system-ui, sans-serif"

# Okabe and Ito's colour-blind safe palette; lab.css turns them lighter where the page is dark.
RELEVANT_COLOUR = "#0072B2"
GREY = "#667085"
LINE_GREY = "#a8b3c2"

_HERE = Path(__file__).parent


def text_of(*names: str) -> str:
    """The content of files beside this one, one after the other."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


def theme() -> Any:
    """Only those bundled fonts whose files hold all of ASCII; others fall back when bold."""
    import gradio as gr

    soft = gr.themes.Soft(
        primary_hue="blue",
        neutral_hue="slate",
        spacing_size="sm",
        radius_size="sm",
        text_size="sm",
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400, 700)), "monospace"],
    )
    # The data is what should stand out: plain labels, hairlines in place of shadows and chips.
    return soft.set(
        body_background_fill="white",
        body_background_fill_dark="*neutral_950",
        background_fill_secondary="*neutral_50",
        background_fill_secondary_dark="*neutral_900",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_shadow_dark="none",
        block_padding="4px 0px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_title_padding="0px",
        block_title_text_color="*neutral_600",
        block_title_text_color_dark="*neutral_400",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        block_title_text_weight="400",
        block_title_text_size="12px",
        input_background_fill="white",
        input_background_fill_dark="*neutral_900",
        input_border_width="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        input_shadow="none",
        input_shadow_dark="none",
        button_primary_background_fill="#0072B2",
        button_primary_background_fill_dark="#0072B2",
        button_primary_background_fill_hover="#005a8c",
        button_primary_background_fill_hover_dark="#005a8c",
        button_primary_shadow="none",
        button_secondary_shadow="none",
        button_secondary_background_fill="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        slider_color="#0072B2",
        slider_color_dark="#7cc4f0",
        checkbox_label_shadow="none",
        checkbox_label_background_fill="*neutral_100",
        checkbox_label_background_fill_selected="#0072B2",
        checkbox_label_background_fill_selected_dark="#0072B2",
    )

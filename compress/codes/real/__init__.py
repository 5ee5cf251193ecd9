"""Images as a phone takes them: things with codes on them, under uneven light, half hidden, blurred and noisy."""

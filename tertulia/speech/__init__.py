"""Text to audio and audio to text. Knows no Django: configuration is passed in."""

"""Google's Gemini API, `generateContent`: https://ai.google.dev/api/generate-content."""

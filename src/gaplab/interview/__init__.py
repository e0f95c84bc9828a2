"""The interview kit: its question bank, the pages that show it, and flashcards."""

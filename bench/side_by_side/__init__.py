"""pase beside pgvector: loads, builds, searches, inserts, vacuums, and says what each took."""

"""Conversations from elsewhere: files of several programs are read into one shape and stored as the user's own."""

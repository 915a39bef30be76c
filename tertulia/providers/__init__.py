"""Language models behind one small protocol; used by the chat engine, knows no Django."""

// Starts a page without nets.

offerTables(document);

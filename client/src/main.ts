// The client's entry: enhances the server-rendered chat page where it finds one.
document.documentElement.dataset["enhanced"] = "";
export {};

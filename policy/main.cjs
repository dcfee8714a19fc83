// The engine's host would check the types of all that is imported each time: compile it as programs are compiled instead, and keep it.
require("../tools/program.cjs");
require("./index.ts");

// All that the walk needs of Node.
declare const process: { argv: string[] };

/**
 * Node and nothing else: what the other programs of this folder start from.
 */
import { answered } from "./answered.js";

answered();

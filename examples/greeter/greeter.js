// A gRPC server without any code around it: a .proto, and a function for each of its methods.
//
//   npx barewire serve --proto greeter.proto --handlers greeter.js --watch
//
// What is exported under the name of a service answers for it. `barewire` is the package that serves, also where it was not
// installed: nothing need be in node_modules for this file to run.
import { Code, StatusError } from "barewire";

// Enums come as numbers, in the order that greeter.proto gives them.
const HELLO = ["Hello", "Bonjour"];

export const Greeter = {
  // One message in, one out: return it, or a promise of it. `call` knows the deadline, the metadata and who is there.
  greet(person, call) {
    call.trailers.set("greeted-by", "barewire");
    return { text: greetingFor(person) };
  },

  // Many out: yield them. A client that is slow makes `yield` wait, and one that leaves ends the loop.
  async *greetAllDay(person) {
    const hello = greetingFor(person);
    for (let hour = 0; hour < 24; hour++) yield { text: `${hour}:00 ${hello}` };
  },

  // Many in: they are there to be iterated.
  async greetTogether(people) {
    const names = [];
    for await (const { name } of people) names.push(name);
    return { text: greetingFor({ name: names.join(" and "), language: 0 }) };
  },

  // Many in and many out: both at once.
  async *greetAtTheDoor(people) {
    for await (const person of people) yield { text: greetingFor(person) };
  },
};

function greetingFor({ name, language }) {
  // The client sees this code and this text. Any other exception is for your eyes only: it goes to the terminal.
  if (name === "") throw new StatusError(Code.INVALID_ARGUMENT, "a name is wanted");
  return `${HELLO[language] ?? "Hello"}, ${name}!`;
}

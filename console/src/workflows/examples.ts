/** Definitions that run as they are: what a new workflow begins as. */

import type { Document } from "./document";

export interface Example {
  value: string;
  label: string;
  description: string;
  definition: Omit<Document, "workflow_name">;
}

const START = { id: "start", name: "A request comes in", type: "request" };

export const EXAMPLES: readonly [Example, ...Example[]] = [
  {
    value: "total",
    label: "A calculation",
    description: "Adds the total to an order that comes in.",
    definition: {
      workflow_steps: [
        START,
        {
          id: "total",
          name: "Total of the order",
          type: "transform",
          config: { mode: "merge", value: { total: "${payload.price * payload.amount}" } },
        },
      ],
      workflow_connections: [{ from: "start", to: "total" }],
      workflow_mock_payload: { price: 12, amount: 3 },
    },
  },
  {
    value: "approval",
    label: "An approval",
    description: "Has somebody approve of expensive orders; the cheap ones go through.",
    definition: {
      workflow_steps: [
        START,
        { id: "expensive", name: "Expensive?", type: "condition", config: { when: "payload.total > 1000" } },
        { id: "approval", name: "Somebody approves", type: "wait_for_response", config: { timeout_seconds: 86400 } },
        {
          id: "approved",
          name: "As was answered",
          type: "transform",
          config: { mode: "merge", value: { approved: "${steps.approval.output.approved}" } },
        },
        { id: "cheap", name: "Approved by itself", type: "transform", config: { mode: "merge", value: { approved: true } } },
      ],
      workflow_connections: [
        { from: "start", to: "expensive" },
        { from: "expensive", to: "approval", label: "yes" },
        { from: "expensive", to: "cheap", label: "no" },
        { from: "approval", to: "approved" },
      ],
      workflow_mock_payload: { total: 1800 },
    },
  },
  {
    value: "list",
    label: "A list",
    description: "Does the same for every item of a list, with a piece of Python.",
    definition: {
      workflow_steps: [
        START,
        {
          id: "each",
          name: "Each item",
          type: "map",
          config: {
            items: "payload.items",
            steps: [
              {
                id: "shout",
                type: "function",
                config: { code: "def main(input):\n    return input.upper()\n", input: "${item}" },
              },
            ],
            connections: [],
          },
          result: { mode: "merge", at: "done" },
        },
      ],
      workflow_connections: [{ from: "start", to: "each" }],
      workflow_mock_payload: { items: ["a", "b"] },
    },
  },
  {
    value: "empty",
    label: "Nothing yet",
    description: "Only the request that starts it.",
    definition: { workflow_steps: [START], workflow_connections: [] },
  },
];

/** The choices of a schedule's rules, in words. */

export const POLICIES = {
  overlap: [
    { value: "SKIP", label: "Skip the new one" },
    { value: "BUFFER_ONE", label: "Keep one waiting" },
    { value: "BUFFER_ALL", label: "Keep all waiting, in order" },
    { value: "CANCEL_OTHER", label: "Stop the earlier one, then start" },
    { value: "TERMINATE_OTHER", label: "End the earlier one at once, and start" },
    { value: "ALLOW_ALL", label: "Start beside it" },
  ],
  catchup: [
    { value: "all", label: "Start all of it, oldest first" },
    { value: "latest", label: "Start the latest only" },
    { value: "none", label: "Start none of it" },
  ],
  afterwards: [
    { value: "NONE", label: "Keep it, as completed" },
    { value: "DELETE", label: "Delete it" },
  ],
};

export const CALENDAR_MODES = [
  { value: "exclude", label: "Not on its days" },
  { value: "include", label: "Only on its days" },
  { value: "roll_forward", label: "From its days to the next other day" },
  { value: "roll_back", label: "From its days to the day before" },
];

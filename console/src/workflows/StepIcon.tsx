import {
  Braces,
  CalendarClock,
  CircleStop,
  Clock,
  Code,
  Combine,
  Boxes,
  Globe,
  MessageCircleQuestionMark,
  Play,
  Repeat,
  Split,
  SquareFunction,
  Workflow,
  Waypoints,
  type LucideIcon,
} from "lucide-react";

const ICONS: Readonly<Record<string, LucideIcon>> = {
  request: Play,
  schedule: CalendarClock,
  http: Globe,
  function: Code,
  job: Boxes,
  workflow: Workflow,
  transform: Braces,
  condition: Split,
  branch: Waypoints,
  wait: Clock,
  wait_for_response: MessageCircleQuestionMark,
  map: Repeat,
  join: Combine,
  terminate: CircleStop,
};

export function StepIcon({ type, size = 18 }: { type: string; size?: number }) {
  const Icon = ICONS[type] ?? SquareFunction;
  return <Icon size={size} aria-hidden className="step-icon" />;
}

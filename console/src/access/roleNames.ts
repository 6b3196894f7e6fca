export const APPLICATION_ROLES = ["Administrator", "Project Creator", "Consumer"];
export const PROJECT_ROLES = ["Owner", "Contributor", "Manager", "Member"];
